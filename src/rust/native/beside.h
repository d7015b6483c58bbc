// MLX's rules for derivatives and vmap make some arrays, such as zeros, on MLX's default device, whatever
// the device of the operation: float64 zeros on a gpu, which is an error there.
#pragma once

#include <optional>

#include <mlx/mlx.h>

namespace rmlx {

// While it lives, the device of an operation is MLX's default one.
class Beside {
 public:
  explicit Beside(const mlx::core::array& a) {
    mlx::core::Device device = a.primitive().stream().device;
    if (device != mlx::core::default_device()) {
      before_ = mlx::core::default_device();
      mlx::core::set_default_device(device);
    }
  }

  ~Beside() {
    if (before_) {
      mlx::core::set_default_device(*before_);
    }
  }

  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

 private:
  std::optional<mlx::core::Device> before_;
};

} // namespace rmlx
