// A V4L2 camera without a kernel: preloaded, it answers open, ioctl and mmap of one device file, so
// that ffmpeg's real demuxer can be tested where there is no camera and no v4l2loopback.
//
//   FAKE_CAMERA        its device file: any file. Missing: unplugged; removed: pulled.
//   FAKE_CAMERA_MODES  "FOURCC WIDTHxHEIGHT@RATE", separated by ";": one mode per pixel format.
//   $FAKE_CAMERA.FOURCC  the bytes of every frame in that format; raw ones are filled up with zeros.
//   $FAKE_CAMERA.stall   while this file exists, no frame comes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BUFFERS = 4 };

typedef struct {
    char fourcc[5];
    unsigned width, height, rate;
} camera_mode;

static int camera = -1, nonblocking, streaming;
static camera_mode mode;
static size_t buffer_bytes;
static void *buffers[MAX_BUFFERS];
static int queue[MAX_BUFFERS], queued;
static double next_due;

static int (*real_open64)(const char *, int, ...);
static int (*real_ioctl)(int, unsigned long, ...);
static void *(*real_mmap64)(void *, size_t, int, int, int, off64_t);

__attribute__((constructor)) static void find_real(void) {
    real_open64 = dlsym(RTLD_NEXT, "open64");
    real_ioctl = dlsym(RTLD_NEXT, "ioctl");
    real_mmap64 = dlsym(RTLD_NEXT, "mmap64");
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(int code) {
    errno = code;
    return -1;
}

static const char *beside(const char *suffix) {
    static char path[4096];
    snprintf(path, sizeof path, "%s.%s", getenv("FAKE_CAMERA"), suffix);
    return path;
}

static int nth_mode(unsigned n, camera_mode *found) {
    const char *text = getenv("FAKE_CAMERA_MODES");
    for (; text; text = strchr(text, ';') ? strchr(text, ';') + 1 : NULL, --n)
        if (n == 0)
            return sscanf(text, "%4s %ux%u@%u", found->fourcc, &found->width, &found->height,
                          &found->rate) == 4;
    return 0;
}

static unsigned code_of(const camera_mode *m) {
    return v4l2_fourcc(m->fourcc[0], m->fourcc[1], m->fourcc[2], m->fourcc[3]);
}

static int set_format(struct v4l2_format *f) {
    camera_mode candidate;
    nth_mode(0, &mode);  // as drivers do, which never refuse
    for (unsigned n = 0; nth_mode(n, &candidate); ++n)
        if (code_of(&candidate) == f->fmt.pix.pixelformat) mode = candidate;
    buffer_bytes = (size_t)mode.width * mode.height * (strcmp(mode.fourcc, "NV12") ? 4 : 3) / 2;
    f->fmt.pix.pixelformat = code_of(&mode);
    f->fmt.pix.width = mode.width;
    f->fmt.pix.height = mode.height;
    f->fmt.pix.field = V4L2_FIELD_NONE;
    f->fmt.pix.sizeimage = buffer_bytes;
    return 0;
}

static int parameters(struct v4l2_streamparm *p) {
    p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    p->parm.capture.timeperframe = (struct v4l2_fract){1, mode.rate};
    return 0;
}

static int dequeue(struct v4l2_buffer *b) {
    if (access(getenv("FAKE_CAMERA"), F_OK)) return fail(ENODEV);
    if (!queued || now() < next_due || !access(beside("stall"), F_OK))
        return nonblocking ? fail(EAGAIN) : fail(EIO);
    b->index = queue[0];
    memmove(queue, queue + 1, --queued * sizeof *queue);
    int file = real_open64(beside(mode.fourcc), O_RDONLY);
    ssize_t got = read(file, buffers[b->index], buffer_bytes);
    close(file);
    b->bytesused = strcmp(mode.fourcc, "MJPG") ? buffer_bytes : (size_t)(got < 0 ? 0 : got);
    b->timestamp.tv_sec = (long)next_due;
    b->timestamp.tv_usec = (next_due - (long)next_due) * 1e6;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    next_due = now() + 1.0 / mode.rate;
    return 0;
}

static int answer(unsigned long request, void *data) {
    struct v4l2_buffer *b = data;
    camera_mode found;
    switch (request) {
        case VIDIOC_QUERYCAP: {
            struct v4l2_capability *c = data;
            memset(c, 0, sizeof *c);
            c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
            return 0;
        }
        case VIDIOC_ENUMINPUT: ((struct v4l2_input *)data)->std = 0; return 0;
        case VIDIOC_G_INPUT: *(int *)data = 0; return 0;
        case VIDIOC_S_INPUT: return 0;
        case VIDIOC_ENUM_FMT: {
            struct v4l2_fmtdesc *d = data;
            if (!nth_mode(d->index, &found)) return fail(EINVAL);
            d->pixelformat = code_of(&found);
            return 0;
        }
        case VIDIOC_G_FMT:
        case VIDIOC_S_FMT: return set_format(data);
        case VIDIOC_G_PARM:
        case VIDIOC_S_PARM: return parameters(data);
        case VIDIOC_REQBUFS: {
            struct v4l2_requestbuffers *r = data;
            if (r->count > MAX_BUFFERS) r->count = MAX_BUFFERS;
            queued = 0;
            return 0;
        }
        case VIDIOC_QUERYBUF:
            b->length = buffer_bytes;
            b->m.offset = b->index;
            return 0;
        case VIDIOC_QBUF: queue[queued++] = b->index; return 0;
        case VIDIOC_STREAMON:
            streaming = 1;
            next_due = now() + 1.0 / mode.rate;
            return 0;
        case VIDIOC_STREAMOFF: streaming = 0; return 0;
        case VIDIOC_DQBUF: return dequeue(data);
        default: return fail(ENOTTY);
    }
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = real_open64(path, flags, va_arg(rest, int));
    va_end(rest);
    const char *device = getenv("FAKE_CAMERA");
    if (fd >= 0 && device && !strcmp(path, device)) {
        camera = fd;
        nonblocking = flags & O_NONBLOCK;
    }
    return fd;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == camera && _IOC_TYPE(request) == 'V') return answer((unsigned)request, data);
    return real_ioctl(fd, request, data);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset) {
    if (fd < 0 || fd != camera) return real_mmap64(at, bytes, protection, flags, fd, offset);
    flags = MAP_PRIVATE | MAP_ANONYMOUS;
    return buffers[offset] = real_mmap64(at, bytes, protection, flags, -1, 0);
}
