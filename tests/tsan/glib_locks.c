/* What ThreadSanitizer has to be told of GLib: its locks are futexes in a library that is not instrumented,
 * so that everything they order looks like a race. Preloaded into the tests of the TSan build, this wraps the
 * calls that GStreamer and our elements make: an unlock releases, a lock acquires. It orders nothing that
 * GLib does not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire(void* addr);
void __tsan_release(void* addr);

#define REAL(name)               \
  static __typeof__(name)* real; \
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

#define LOCK(name, type)  \
  void name(type* lock) { \
    REAL(name);           \
    real(lock);           \
    __tsan_acquire(lock); \
  }
#define TRY_LOCK(name, type)            \
  gboolean name(type* lock) {           \
    REAL(name);                         \
    const gboolean locked = real(lock); \
    if (locked) __tsan_acquire(lock);   \
    return locked;                      \
  }
#define UNLOCK(name, type) \
  void name(type* lock) {  \
    REAL(name);            \
    __tsan_release(lock);  \
    real(lock);            \
  }

LOCK(g_mutex_lock, GMutex)
TRY_LOCK(g_mutex_trylock, GMutex)
UNLOCK(g_mutex_unlock, GMutex)
LOCK(g_rec_mutex_lock, GRecMutex)
TRY_LOCK(g_rec_mutex_trylock, GRecMutex)
UNLOCK(g_rec_mutex_unlock, GRecMutex)
LOCK(g_rw_lock_reader_lock, GRWLock)
UNLOCK(g_rw_lock_reader_unlock, GRWLock)
LOCK(g_rw_lock_writer_lock, GRWLock)
UNLOCK(g_rw_lock_writer_unlock, GRWLock)

void g_cond_wait(GCond* cond, GMutex* mutex) {
  REAL(g_cond_wait);
  __tsan_release(mutex);
  real(cond, mutex);
  __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond* cond, GMutex* mutex, gint64 end_time) {
  REAL(g_cond_wait_until);
  __tsan_release(mutex);
  const gboolean signalled = real(cond, mutex, end_time);
  __tsan_acquire(mutex);
  return signalled;
}

/* A queue hands over what was written before it was pushed. */
void g_async_queue_push(GAsyncQueue* queue, gpointer data) {
  REAL(g_async_queue_push);
  __tsan_release(queue);
  real(queue, data);
}
#define POP(name, arguments, call)   \
  gpointer name arguments {          \
    REAL(name);                      \
    const gpointer data = real call; \
    __tsan_acquire(queue);           \
    return data;                     \
  }
POP(g_async_queue_pop, (GAsyncQueue * queue), (queue))
POP(g_async_queue_try_pop, (GAsyncQueue * queue), (queue))
POP(g_async_queue_timeout_pop, (GAsyncQueue * queue, guint64 timeout), (queue, timeout))

/* A pool runs a function later on a thread that it may have had for long. */
gboolean g_thread_pool_push(GThreadPool* pool, gpointer data, GError** error) {
  REAL(g_thread_pool_push);
  __tsan_release(data);
  return real(pool, data, error);
}

/* Reference counts: the last unref comes after all others. */
void g_object_unref(gpointer object) {
  REAL(g_object_unref);
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}
void gst_mini_object_unref(gpointer object);
void gst_mini_object_unref(gpointer object) {
  static void (*real)(gpointer);
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "gst_mini_object_unref");
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}
