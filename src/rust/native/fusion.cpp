// Whether fused operations of the cpu work here: MLX compiles them when they are first evaluated, with the
// machine's g++, into a library in the folder for temporary files. It would be too late then to do without.

#include "fusion.h"

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <sstream>
#include <typeinfo>

#include <unistd.h>

#include <mlx/compile_impl.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "status.h"

namespace mx = mlx::core;

namespace {

namespace files = std::filesystem;

// While it lives, the first g++ in the PATH is one that does nothing.
class AnyCompiler {
 public:
  AnyCompiler() {
    const char* path = std::getenv("PATH");
    const char* session = std::getenv("R_SESSION_TMPDIR");
    had_path_ = path != nullptr;
    path_ = had_path_ ? path : "";
    std::error_code none;
    files::path temporary = session ? files::path(session) : files::temp_directory_path(none);
    folder_ = temporary / ("compiler-" + std::to_string(getpid()));
    files::create_directory(folder_, none);
    files::create_symlink("/bin/true", folder_ / "g++", none);
    setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }

  ~AnyCompiler() {
    if (had_path_) {
      setenv("PATH", path_.c_str(), 1);
    } else {
      unsetenv("PATH");
    }
    std::error_code none;
    files::remove_all(folder_, none);
  }

  AnyCompiler(const AnyCompiler&) = delete;
  AnyCompiler& operator=(const AnyCompiler&) = delete;

 private:
  bool had_path_ = false;
  std::string path_;
  files::path folder_;
};

// For the cpu MLX compiles nothing, and traces nothing, unless `g++ --version` succeeds. It asks once. Graphs
// can be replayed without a compiler, and so it shall find one.
bool traced() {
  static const char place = 0;
  const auto id = reinterpret_cast<std::uintptr_t>(&place);
  const mx::Device before = mx::default_device();
  bool traces = false;
  auto f = [&](const rmlx::Arrays& in) {
    traces = in[0].is_tracer();
    return in;
  };
  mx::set_default_device(mx::Device(mx::Device::cpu));
  try {
    AnyCompiler any;
    mx::detail::compile(f, id)({mx::array(1.0f)});
  } catch (std::exception&) {
    traces = false;
  }
  mx::set_default_device(before);
  mx::detail::compile_erase(mx::detail::compile_cache(), id);
  return traces;
}

// A whole number below 2^20 that goes with the g++ that is found (which it is, and when it was written) and
// with the user: MLX's folder may be another's, who compiled there.
float mark_of_compiler() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::string folder, mark = std::to_string(getuid());
  std::error_code none;
  while (std::getline(folders, folder, ':')) {
    auto found = files::canonical(files::path(folder) / "g++", none);
    if (none) {
      continue;
    }
    auto written = files::last_write_time(found, none).time_since_epoch();
    mark += found.string() + std::to_string(written.count());
    break;
  }
  return static_cast<float>(std::hash<std::string>()(mark) % (1 << 20));
}

// Compiles x * mark + x. MLX keeps what it compiled by its constants, so another g++ is asked anew.
std::string tried() {
  static const char place = 0;
  const auto id = reinterpret_cast<std::uintptr_t>(&place);
  const float mark = mark_of_compiler();
  const mx::Device cpu(mx::Device::cpu);
  std::string why;
  try {
    auto f = [&](const rmlx::Arrays& in) {
      return rmlx::Arrays{mx::add(mx::multiply(in[0], mx::array(mark), cpu), in[0], cpu)};
    };
    const rmlx::Arrays inputs{mx::array({1.0f, 2.0f})};
    auto out = mx::detail::compile(f, id)(inputs);
    if (!rmlx::has_fused_on_cpu(out, inputs)) {
      why = "MLX does not fuse operations";
    } else {
      out[0].eval();
      const float* values = out[0].data<float>();
      if (values[0] != mark + 1 || values[1] != 2 * mark + 2) {
        why = "g++ made wrong code";
      }
    }
  } catch (std::exception& e) {
    why = e.what();
  }
  mx::detail::compile_erase(mx::detail::compile_cache(), id);
  return why;
}

} // namespace

namespace rmlx {

bool has_fused_on_cpu(const Arrays& outputs, const Arrays& inputs) {
  bool found = false;
  auto look = [&](mx::array& a) {
    mx::Primitive& primitive = a.primitive();
    found = found ||
        (primitive.stream().device == mx::Device::cpu && typeid(primitive) == typeid(mx::Compiled));
  };
  visit(outputs, look, inputs);
  return found;
}

bool compiles() {
  static const bool yes = traced();
  return yes;
}

const std::string& fusion_trouble() {
  static const std::string why = tried();
  return why;
}

} // namespace rmlx

extern "C" bool rmlx_compiles() {
  return rmlx::compiles();
}

// `fusion_trouble`, in at most `capacity` bytes with the terminator.
extern "C" int rmlx_fusion_trouble(char* out, size_t capacity) {
  return rmlx::status_of([&] {
    const std::string& why = rmlx::fusion_trouble();
    out[why.copy(out, capacity - 1)] = '\0';
  });
}
