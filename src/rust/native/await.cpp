// Waiting for what MLX evaluates in the background, in turns: R asks for interrupts between them.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <mlx/mlx.h>
#include <mlx/scheduler.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

// Opened by a stream's thread once it has done all that it was given before.
struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
};

} // namespace

// Waits at most `seconds` for a stream that computes one of `roots`. `asleep`: whether there is one that
// could be waited for; a gpu's streams have no thread that would tell.
extern "C" int rmlx_await(bool* asleep, mlx_vector_array roots, double seconds) {
  return rmlx::status_of([&] {
    *asleep = false;
    for (auto& root : mlx_vector_array_get_(roots)) {
      if (root.is_available() || !root.event().valid() ||
          root.event().stream().device != mx::Device::cpu) {
        continue;
      }
      auto gate = std::make_shared<Gate>();
      mx::scheduler::enqueue(root.event().stream(), [gate] {
        {
          std::lock_guard lock(gate->mutex);
          gate->open = true;
        }
        gate->opened.notify_one();
      });
      std::unique_lock lock(gate->mutex);
      gate->opened.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return gate->open; });
      *asleep = true;
      return;
    }
  });
}
