/* A Video4Linux camera for test machines without one: with LD_PRELOAD, opening $FAKE_V4L2 gives a device that streams
 * 320 x 240 YUYV pictures, each one grey level lighter than the last, at the rate that is asked for.
 *
 * FAKE_V4L2_STALL=N  gives no frame after the Nth.    FAKE_V4L2_UNPLUG=N  is pulled out after the Nth.
 * FAKE_V4L2_ERRNO=E  can't be opened.                 FAKE_V4L2_BUSY=1    opens, but streams to somebody else.
 *
 * cc -shared -fPIC -o fake_v4l2.so fake_v4l2.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, SIZE = WIDTH * HEIGHT * 2, ROOM = (SIZE + 0xffff) & ~0xffff, BUFFERS = 32 };

static int device = -1, nonblocking;
static int queue[BUFFERS], queued;
static unsigned frames;
static long frame_ns = 1000000000 / 30;
static struct timespec next_frame;

static int option(const char *name) { return getenv(name) ? atoi(getenv(name)) : 0; }

static int fail(int error) {
    errno = error;
    return -1;
}

/* The buffers are the parts of a file in memory, so that the caller's mmap works on it as on a device. */
static int open_device(int flags) {
    if (option("FAKE_V4L2_ERRNO"))
        return fail(option("FAKE_V4L2_ERRNO"));
    device = memfd_create("fake_v4l2", MFD_CLOEXEC);
    nonblocking = flags & O_NONBLOCK;
    queued = frames = 0;
    return ftruncate(device, (off_t)ROOM * BUFFERS) ? -1 : device;
}

#define REAL_OPEN(name)                                                            \
    int name(const char *path, int flags, ...) {                                   \
        va_list more;                                                              \
        va_start(more, flags);                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;    \
        va_end(more);                                                              \
        if (getenv("FAKE_V4L2") && !strcmp(path, getenv("FAKE_V4L2")))             \
            return open_device(flags);                                             \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);             \
        return real(path, flags, mode);                                            \
    }
REAL_OPEN(open)
REAL_OPEN(open64)

static void set_format(struct v4l2_format *format) {
    format->fmt.pix = (struct v4l2_pix_format){
        .width = WIDTH, .height = HEIGHT, .pixelformat = V4L2_PIX_FMT_YUYV, .field = V4L2_FIELD_NONE,
        .bytesperline = WIDTH * 2, .sizeimage = SIZE, .colorspace = V4L2_COLORSPACE_SRGB};
}

static int describe(struct v4l2_buffer *buffer) {
    buffer->length = SIZE;
    buffer->m.offset = buffer->index * ROOM;
    buffer->memory = V4L2_MEMORY_MMAP;
    return 0;
}

static int before(struct timespec a, struct timespec b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static int next_buffer(struct v4l2_buffer *buffer) {
    struct timespec now;
    if (option("FAKE_V4L2_UNPLUG") && frames >= (unsigned)option("FAKE_V4L2_UNPLUG"))
        return fail(ENODEV);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!queued || before(now, next_frame) || (option("FAKE_V4L2_STALL") && frames >= (unsigned)option("FAKE_V4L2_STALL"))) {
        if (nonblocking)
            return fail(EAGAIN);
        for (;;) /* as a driver does that hangs */
            pause();
    }
    buffer->index = queue[0];
    memmove(queue, queue + 1, sizeof *queue * --queued);
    describe(buffer);
    unsigned char *pixels = mmap(0, SIZE, PROT_WRITE, MAP_SHARED, device, buffer->m.offset);
    for (int i = 0; i < SIZE; i += 2)
        pixels[i] = 16 + frames % 200, pixels[i + 1] = 128;
    munmap(pixels, SIZE);
    buffer->bytesused = SIZE;
    buffer->sequence = frames++;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->timestamp = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    next_frame = now;
    if ((next_frame.tv_nsec += frame_ns) >= 1000000000)
        next_frame.tv_sec++, next_frame.tv_nsec -= 1000000000;
    return 0;
}

static int camera(unsigned long request, void *argument) {
    switch (request) {
    case VIDIOC_QUERYCAP:
        *(struct v4l2_capability *)argument = (struct v4l2_capability){
            .driver = "fake", .card = "fake", .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING};
        return 0;
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_ENUMINPUT:
        *(struct v4l2_input *)argument = (struct v4l2_input){.name = "camera", .type = V4L2_INPUT_TYPE_CAMERA};
        return 0;
    case VIDIOC_S_FMT:
        if (((struct v4l2_format *)argument)->fmt.pix.pixelformat != V4L2_PIX_FMT_YUYV)
            return fail(EINVAL);
        set_format(argument);
        return 0;
    case VIDIOC_G_FMT:
        set_format(argument);
        return 0;
    case VIDIOC_G_PARM:
        ((struct v4l2_streamparm *)argument)->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        ((struct v4l2_streamparm *)argument)->parm.capture.timeperframe = (struct v4l2_fract){frame_ns / 1000, 1000000};
        return 0;
    case VIDIOC_S_PARM: {
        struct v4l2_fract *period = &((struct v4l2_streamparm *)argument)->parm.capture.timeperframe;
        frame_ns = 1000000000L * period->numerator / period->denominator;
        return 0;
    }
    case VIDIOC_REQBUFS:
        if (option("FAKE_V4L2_BUSY"))
            return fail(EBUSY);
        if (((struct v4l2_requestbuffers *)argument)->count > BUFFERS)
            ((struct v4l2_requestbuffers *)argument)->count = BUFFERS;
        return 0;
    case VIDIOC_QUERYBUF:
        return describe(argument);
    case VIDIOC_QBUF:
        queue[queued++] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case VIDIOC_DQBUF:
        return next_buffer(argument);
    case VIDIOC_STREAMON:
        clock_gettime(CLOCK_MONOTONIC, &next_frame);
        return 0;
    case VIDIOC_STREAMOFF:
        return 0;
    }
    return fail(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (fd == device && fd >= 0)
        return camera(request, argument);
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
