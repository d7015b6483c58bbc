// Preloaded into R by suite.sh where a test file ended the process: tells where an exception that nobody
// caught, or an abort(), came from.
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

namespace {

void show(int) {
  static const char text[] = "\n== where abort() was called ==\n";
  (void)!write(2, text, sizeof text - 1);
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), 2);
  signal(SIGABRT, SIG_DFL);
  abort();
}

struct Install {
  Install() {
    void* frames[4];
    backtrace(frames, 4); // loads what it needs now
    signal(SIGABRT, show);
  }
} install;

} // namespace
