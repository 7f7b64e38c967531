/* Makes one call that changes a disk fail: the i-th write, fsync, rename, creating open … on a file below a folder.
 *
 * Those are the calls by which Python, SQLite, DuckDB and Arrow change files, as `nm -D --undefined-only` lists them.
 * Loaded with LD_PRELOAD it does nothing until the process, or a fork of it, calls `faulty_arm`. Calls are counted from
 * then on; `faulty_calls` says how many there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls, at;
static int code, sticky;
static char folder[PATH_MAX];

/* The `number`-th call on a file below `root` fails with `error`, and those after it if `later`; 0: none does. */
void faulty_arm(const char *root, long number, int error, int later) {
    strncpy(folder, root, sizeof folder - 1);
    calls = 0, at = number, code = error, sticky = later;
}

long faulty_calls(void) { return calls; }

static int below(const char *path) { return *folder && strncmp(path, folder, strlen(folder)) == 0; }

/* Counts a call; 1 if it is to fail. */
static int fails(int concerned) {
    if (!concerned) return 0;
    long now = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (at <= 0 || now < at || (now > at && !sticky)) return 0;
    errno = code;
    return 1;
}

static int of_descriptor(int descriptor) {
    if (!*folder) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static int of_name(const char *name) {
    char path[PATH_MAX];
    if (!*folder) return 0;
    if (name[0] == '/') return below(name);
    if (!getcwd(path, sizeof path) || strlen(path) + strlen(name) + 2 > sizeof path) return 0;
    strcat(strcat(path, "/"), name);
    return below(path);
}

/* Whether a call at a path concerns us; `directory` is what a relative one begins at. */
static int of_path(int directory, const char *name) {
    return name[0] == '/' || directory == AT_FDCWD ? of_name(name) : of_descriptor(directory);
}

#define REAL(name) \
    ({ \
        static __typeof__(&name) real; \
        if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
        real; \
    })

ssize_t write(int descriptor, const void *data, size_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(write)(descriptor, data, size);
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t place) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(pwrite)(descriptor, data, size, place);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t place) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(pwrite64)(descriptor, data, size, place);
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(writev)(descriptor, parts, count);
}
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    return fails(of_descriptor(fileno(file))) ? 0 : REAL(fwrite)(data, size, count, file);
}
ssize_t sendfile(int out, int in, off_t *place, size_t size) {
    return fails(of_descriptor(out)) ? -1 : REAL(sendfile)(out, in, place, size);
}
ssize_t sendfile64(int out, int in, off64_t *place, size_t size) {
    return fails(of_descriptor(out)) ? -1 : REAL(sendfile64)(out, in, place, size);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    return fails(of_descriptor(out)) ? -1 : REAL(copy_file_range)(in, from, out, to, size, flags);
}

int fsync(int descriptor) { return fails(of_descriptor(descriptor)) ? -1 : REAL(fsync)(descriptor); }
int fdatasync(int descriptor) { return fails(of_descriptor(descriptor)) ? -1 : REAL(fdatasync)(descriptor); }
int ftruncate(int descriptor, off_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(ftruncate)(descriptor, size);
}
int ftruncate64(int descriptor, off64_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(ftruncate64)(descriptor, size);
}
int truncate(const char *name, off_t size) { return fails(of_name(name)) ? -1 : REAL(truncate)(name, size); }
int truncate64(const char *name, off64_t size) { return fails(of_name(name)) ? -1 : REAL(truncate64)(name, size); }
int fallocate(int descriptor, int mode, off_t place, off_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(fallocate)(descriptor, mode, place, size);
}
int posix_fallocate64(int descriptor, off64_t place, off64_t size) {
    return fails(of_descriptor(descriptor)) ? code : REAL(posix_fallocate64)(descriptor, place, size);
}

/* Opening changes a disk where it may make or empty a file. */
#define CHANGING (O_CREAT | O_TRUNC)
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *name, int flags, ...) {
    MODE(flags)
    return flags & CHANGING && fails(of_name(name)) ? -1 : REAL(open)(name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE(flags)
    return flags & CHANGING && fails(of_name(name)) ? -1 : REAL(open64)(name, flags, mode);
}
int openat(int directory, const char *name, int flags, ...) {
    MODE(flags)
    return flags & CHANGING && fails(of_path(directory, name)) ? -1 : REAL(openat)(directory, name, flags, mode);
}
int openat64(int directory, const char *name, int flags, ...) {
    MODE(flags)
    return flags & CHANGING && fails(of_path(directory, name)) ? -1 : REAL(openat64)(directory, name, flags, mode);
}
FILE *fopen(const char *name, const char *mode) {
    return mode[0] != 'r' && fails(of_name(name)) ? NULL : REAL(fopen)(name, mode);
}
FILE *fopen64(const char *name, const char *mode) {
    return mode[0] != 'r' && fails(of_name(name)) ? NULL : REAL(fopen64)(name, mode);
}

int rename(const char *old, const char *new) { return fails(of_name(new)) ? -1 : REAL(rename)(old, new); }
int renameat(int from, const char *old, int to, const char *new) {
    return fails(of_path(to, new)) ? -1 : REAL(renameat)(from, old, to, new);
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return fails(of_path(to, new)) ? -1 : REAL(renameat2)(from, old, to, new, flags);
}
int link(const char *old, const char *new) { return fails(of_name(new)) ? -1 : REAL(link)(old, new); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
    return fails(of_path(to, new)) ? -1 : REAL(linkat)(from, old, to, new, flags);
}
int symlink(const char *old, const char *new) { return fails(of_name(new)) ? -1 : REAL(symlink)(old, new); }
int mkdir(const char *name, mode_t mode) { return fails(of_name(name)) ? -1 : REAL(mkdir)(name, mode); }
int mkdirat(int directory, const char *name, mode_t mode) {
    return fails(of_path(directory, name)) ? -1 : REAL(mkdirat)(directory, name, mode);
}
int remove(const char *name) { return fails(of_name(name)) ? -1 : REAL(remove)(name); }
int unlink(const char *name) { return fails(of_name(name)) ? -1 : REAL(unlink)(name); }
int rmdir(const char *name) { return fails(of_name(name)) ? -1 : REAL(rmdir)(name); }
int unlinkat(int directory, const char *name, int flags) {
    return fails(of_path(directory, name)) ? -1 : REAL(unlinkat)(directory, name, flags);
}
