/* A file system that refuses something, for the processes that load this with LD_PRELOAD. REFUSED_CALLS names what: `links`
   is one without hard links (as FAT and some network shares are), `writes` one that is mounted read-only. Only what lies
   below REFUSED_FOLDER is affected. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refused(const char *calls, const char *path) {
    const char *wanted = getenv("REFUSED_CALLS"), *folder = getenv("REFUSED_FOLDER");
    return wanted && folder && strcmp(wanted, calls) == 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static int fail(int error) {
    errno = error;
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    if (refused("links", to)) return fail(EPERM);
    return refused("writes", to) ? fail(EROFS) : REAL(linkat)(from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdir(const char *path, mode_t mode) {
    struct stat found;
    if (refused("writes", path)) return fail(stat(path, &found) == 0 ? EEXIST : EROFS);
    return REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to) { return refused("writes", to) ? fail(EROFS) : REAL(rename)(from, to); }

int unlink(const char *path) { return refused("writes", path) ? fail(EROFS) : REAL(unlink)(path); }

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...) {                                \
        va_list rest;                                                           \
        va_start(rest, flags);                                                  \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                           \
        int writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;        \
        if (writes && refused("writes", path)) return fail(EROFS);              \
        return REAL(name)(path, flags, mode);                                   \
    }

OPEN(open)
OPEN(open64)
