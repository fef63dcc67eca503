/* Which instruction sets this build holds code for and this machine can run. All give identical results. */
#ifndef EDGEPOSE_PATHS_H
#define EDGEPOSE_PATHS_H

enum { EP_PORTABLE, EP_AVX2 };

#if defined(__x86_64__) && defined(__GNUC__) && !defined(EDGEPOSE_PORTABLE)
#define EP_HAVE_AVX2 1
static inline int ep_best_path(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") ? EP_AVX2 : EP_PORTABLE;
}
#else
#define EP_HAVE_AVX2 0
static inline int ep_best_path(void) { return EP_PORTABLE; }
#endif

#endif
