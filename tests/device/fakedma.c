/* Loaded before libcamera in the test's system (LD_PRELOAD), where the kernel has no dma-heap and no camera.
 *
 * Buffers: opening a dma-heap or /dev/udmabuf gives /dev/null, and their ioctls give memory of memfd_create instead
 * (linux/dma-heap.h, linux/udmabuf.h and linux/dma-buf.h describe them).
 * Turns: libcamera's virtual camera fills a buffer as soon as it is asked to, by NV12Copy of libyuv. Here a whole frame
 * waits for its turn, a byte from the pipe that EDGEPOSE_TURNS names, so that a test decides when a frame is exposed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_allocator(const char *path) {
    return path && (strncmp(path, "/dev/dma_heap/", 14) == 0 || strcmp(path, "/dev/udmabuf") == 0);
}

#define OPENER(NAME)                                                      \
    int NAME(const char *path, int flags, ...) {                          \
        static int (*next)(const char *, int, ...);                       \
        if (!next) next = dlsym(RTLD_NEXT, #NAME);                        \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        const int mode = va_arg(rest, int);                               \
        va_end(rest);                                                     \
        if (is_allocator(path)) return next("/dev/null", O_RDWR | O_CLOEXEC, 0); \
        return next(path, flags, mode);                                   \
    }
OPENER(open)
OPENER(open64)

static int from_heap(struct dma_heap_allocation_data *asked) {
    const int fd = memfd_create("dma-heap", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)asked->len) != 0) return -1;
    asked->fd = (uint32_t)fd;
    return 0;
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*next)(int, unsigned long, void *);
    if (!next) next = dlsym(RTLD_NEXT, "ioctl");
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    switch ((uint32_t)request) {
    case (uint32_t)DMA_HEAP_IOCTL_ALLOC: return from_heap(argument);
    case (uint32_t)UDMABUF_CREATE: return fcntl((int)((struct udmabuf_create *)argument)->memfd, F_DUPFD_CLOEXEC, 3);
    case (uint32_t)DMA_BUF_IOCTL_SYNC: return 0;
    }
    if (_IOC_TYPE((uint32_t)request) == DMA_BUF_BASE && _IOC_NR((uint32_t)request) == 1) return 0; /* set name */
    return next(fd, request, argument);
}

static void await_turn(void) {
    const char *pipe = getenv("EDGEPOSE_TURNS");
    if (!pipe) return;
    const int fd = open(pipe, O_RDWR | O_CLOEXEC); /* for writing too, so that it doesn't end with the writer */
    char turn;
    if (read(fd, &turn, 1) != 1) abort();
    close(fd);
}

int NV12Copy(const uint8_t *y, int y_stride, const uint8_t *uv, int uv_stride, uint8_t *to_y, int to_y_stride,
             uint8_t *to_uv, int to_uv_stride, int width, int height) {
    static int (*next)(const uint8_t *, int, const uint8_t *, int, uint8_t *, int, uint8_t *, int, int, int);
    if (!next) next = dlsym(dlopen("libyuv.so.0", RTLD_LAZY), "NV12Copy"); /* Python loads it out of RTLD_NEXT's sight */
    if (height > 400) await_turn(); /* a small stream is of the same frame */
    return next(y, y_stride, uv, uv_stride, to_y, to_y_stride, to_uv, to_uv_stride, width, height);
}
