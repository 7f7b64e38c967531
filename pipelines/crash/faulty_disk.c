/* Makes one call that changes a disk fail: the i-th write, fsync, rename … on a file below a folder.
 *
 *   LD_PRELOAD=faulty_disk.so FAULTY_FOLDER=/path FAULTY_AT=17 FAULTY_ERRNO=5 FAULTY_COUNT=/path/of/count program
 *
 * FAULTY_AT=0 fails nothing. FAULTY_STICKY=1 lets every call from the i-th on fail. At exit the number of calls is
 * written to FAULTY_COUNT.
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
#include <sys/uio.h>
#include <unistd.h>

static long calls;

static const char *folder(void) {
    const char *name = getenv("FAULTY_FOLDER");
    return name && *name ? name : NULL;
}

static int below(const char *path) {
    const char *root = folder();
    return root && strncmp(path, root, strlen(root)) == 0;
}

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

/* Counts a call; 1 if it is to fail. */
static int fails(int concerned) {
    if (!concerned) return 0;
    long now = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    long at = number("FAULTY_AT", 0);
    if (at <= 0 || now < at || (now > at && !number("FAULTY_STICKY", 0))) return 0;
    errno = number("FAULTY_ERRNO", EIO);
    return 1;
}

static int of_descriptor(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static int of_name(const char *name) {
    char path[PATH_MAX];
    if (name[0] == '/') return below(name);
    if (!getcwd(path, sizeof path) || strlen(path) + strlen(name) + 2 > sizeof path) return 0;
    strcat(strcat(path, "/"), name);
    return below(path);
}

static void __attribute__((destructor)) tell(void) {
    const char *name = getenv("FAULTY_COUNT");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", calls);
    fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

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
int fsync(int descriptor) { return fails(of_descriptor(descriptor)) ? -1 : REAL(fsync)(descriptor); }
int fdatasync(int descriptor) { return fails(of_descriptor(descriptor)) ? -1 : REAL(fdatasync)(descriptor); }
int ftruncate(int descriptor, off_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(ftruncate)(descriptor, size);
}
int ftruncate64(int descriptor, off64_t size) {
    return fails(of_descriptor(descriptor)) ? -1 : REAL(ftruncate64)(descriptor, size);
}
int rename(const char *old, const char *new) { return fails(of_name(new)) ? -1 : REAL(rename)(old, new); }
int link(const char *old, const char *new) { return fails(of_name(new)) ? -1 : REAL(link)(old, new); }
int mkdir(const char *name, mode_t mode) { return fails(of_name(name)) ? -1 : REAL(mkdir)(name, mode); }
int unlink(const char *name) { return fails(of_name(name)) ? -1 : REAL(unlink)(name); }
int rmdir(const char *name) { return fails(of_name(name)) ? -1 : REAL(rmdir)(name); }
