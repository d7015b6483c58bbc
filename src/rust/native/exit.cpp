// The end of a process that used CUDA.
//
// MLX 0.32.2 has a thread for each of CUDA's streams. When the process ends it tells them to stop and does
// not wait for them; each destroys an event and a stream of CUDA's then. If CUDA itself shut down before
// that, the destructor throws, and std::terminate() aborts a process that had done all its work: now and
// then, as the threads happen to run. Nothing of ours could wait for them: they are detached.
//
// So from the moment on that R is done and the process has begun to exit, a thread that is terminated just
// stays where it is, and the process ends as it was about to. Before, std::terminate() does what it always did.

#if defined(__linux__)
#include <unistd.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#if defined(__linux__) && defined(__GLIBC__)

namespace {

int exit_status = 0;
std::thread::id exiting;

[[noreturn]] void stay() {
  if (std::this_thread::get_id() == exiting) {
    // a destructor that runs while the process exits: what is left of that is the same for all
    std::fflush(nullptr);
    _exit(exit_status);
  }
  for (;;) {
    pause(); // until the exiting thread ends the process
  }
}

void exits(int status, void*) {
  exit_status = status;
  exiting = std::this_thread::get_id();
  std::set_terminate(stay);
}

} // namespace

// To be called when R is about to exit: what is registered last is called first, so CUDA is still there then.
extern "C" void rmlx_expect_exit() {
  on_exit(exits, nullptr);
}

#else

extern "C" void rmlx_expect_exit() {}

#endif
