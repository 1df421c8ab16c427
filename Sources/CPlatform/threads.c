#define _GNU_SOURCE
#include "sockets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    void (*body)(void *);
    void *context;
    char name[16];
} start;

static void *run(void *argument) {
    start begun = *(start *)argument;
    free(argument);
    pthread_setname_np(pthread_self(), begun.name);
    begun.body(begun.context);
    return NULL;
}

int platform_thread_start(const char *name, void (*body)(void *), void *context, uint64_t *handle) {
    start *argument = malloc(sizeof *argument);
    if (!argument) return -12;
    argument->body = body;
    argument->context = context;
    strncpy(argument->name, name, sizeof argument->name - 1);
    argument->name[sizeof argument->name - 1] = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    if (error) {
        free(argument);
        return -error;
    }
    *handle = (uint64_t)thread;
    return 0;
}

void platform_thread_join(uint64_t handle) { pthread_join((pthread_t)handle, NULL); }
