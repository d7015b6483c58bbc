// Functions written to a file. MLX can write its own primitives only, so the graph is first freed of
// ours, as far as they stand between a graph and its derivatives alone.

#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mlx/export.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "derive.h"
#include "extreme.h"
#include "outputs.h"
#include "own.h"
#include "solve.h"
#include "wrapper.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using rmlx::Ids;

// What only this package can compute.
struct OnlyOurs : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The graph behind arrays without our primitives that pass values on, wrap others or can be composed of MLX's.
// Between those that pass values on and the operation's inputs stands stop_gradient, which MLX leaves out of files.
class Plain {
 public:
  explicit Plain(const Arrays& inputs) {
    for (auto& input : inputs) {
      inputs_.insert(input.id());
    }
  }

  Arrays operator()(const Arrays& outputs) {
    for (auto& root : outputs) {
      enter(root);
      while (!path_.empty()) {
        Step& step = path_.back();
        if (step.next < step.before.size()) {
          enter(mx::array(step.before[step.next++]));
          continue;
        }
        mx::array a = step.at;
        path_.pop_back(); // all before it has been seen
        make(a);
      }
    }
    Arrays out;
    for (auto& root : outputs) {
      out.push_back(now(root));
    }
    return out;
  }

 private:
  // An array, what is behind it, and which of that to look at next.
  struct Step {
    mx::array at;
    Arrays before;
    size_t next;
  };

  void enter(const mx::array& a) {
    if (!seen_.insert(a.id())) {
      return;
    }
    if (!a.has_primitive() && a.status() == mx::array::Status::unscheduled && !inputs_.has(a.id())) {
      throw std::domain_error("captured");
    }
    if (rmlx::is_exact(a) && !rmlx::is_share(a)) {
      throw OnlyOurs(a.primitive().name());
    }
    path_.push_back({a, rmlx::is_passed_on(a) ? Arrays{value(a)} : a.inputs(), 0});
  }

  // The input that is passed on as this output.
  static const mx::array& value(const mx::array& a) {
    size_t i = 0;
    while (a.outputs().at(i).id() != a.id()) {
      i++;
    }
    return a.inputs()[a.inputs().size() - a.outputs().size() + i];
  }

  mx::array now(const mx::array& a) const {
    auto found = fresh_.find(a.id());
    return found == fresh_.end() ? a : found->second;
  }

  void make(const mx::array& a) {
    if (fresh_.count(a.id()) || !a.has_primitive()) {
      return;
    }
    if (rmlx::is_passed_on(a)) {
      fresh_.emplace(a.id(), now(value(a)));
      return;
    }
    // MLX would take a wrapper for what it wraps, by its name
    auto wrapper = dynamic_cast<const rmlx::Wrapper*>(&a.primitive());
    Arrays arguments;
    bool share = rmlx::is_share(a), solve = rmlx::name_of(a) == "Solve";
    bool changed = wrapper != nullptr || share || solve;
    for (auto& input : a.inputs()) {
      changed = changed || fresh_.count(input.id()) > 0;
      arguments.push_back(now(input));
    }
    if (!changed) {
      return;
    }
    auto outputs = a.outputs();
    Arrays made;
    if (share) {
      made = {rmlx::share_by_mlx(arguments, a.primitive().stream())};
    } else if (solve) {
      made = rmlx::solved_by_mlx(a.primitive(), arguments);
    } else {
      made = rmlx::outputs_like(
          outputs, wrapper ? wrapper->wrapped() : a.primitive_ptr(), arguments);
    }
    for (size_t i = 0; i < outputs.size(); i++) {
      fresh_.emplace(outputs[i].id(), made[i]);
    }
  }

  Ids inputs_, seen_;
  std::vector<Step> path_;
  std::unordered_map<std::uintptr_t, mx::array> fresh_;
};

// A file that functions are written to, one for each of several kinds of arguments.
class Exporter {
 public:
  Exporter(const std::string& file, bool shapeless)
      : file_(mx::exporter(
            file,
            [this](const mx::Args& args, const mx::Kwargs& kwargs) { return run(args, kwargs); },
            shapeless)) {}

  // `names`: "" for an argument by position.
  Arrays add(const rmlx::Function& function, const Arrays& inputs, std::vector<std::string> names) {
    mx::Args args;
    mx::Kwargs kwargs;
    for (size_t i = 0; i < inputs.size(); i++) {
      if (names[i].empty()) {
        args.push_back(inputs[i]);
      } else {
        kwargs.emplace(names[i], inputs[i]);
      }
    }
    function_ = &function;
    names_ = std::move(names);
    results_.clear();
    began_ = false;
    file_(args, kwargs);
    return std::move(results_);
  }

  // Whether the last addition got as far as to the function. MLX's table then has an entry for it, which
  // an error leaves empty, and reading on would end the process.
  bool began() const {
    return began_;
  }

  void close() {
    file_.close();
  }

 private:
  Arrays run(const mx::Args& args, const mx::Kwargs& kwargs) {
    began_ = true;
    Arrays inputs;
    size_t next = 0;
    for (auto& name : names_) {
      inputs.push_back(name.empty() ? args.at(next++) : kwargs.at(name));
    }
    results_ = (*function_)(inputs);
    return Plain(inputs)(results_);
  }

  const rmlx::Function* function_ = nullptr;
  std::vector<std::string> names_;
  Arrays results_;
  bool began_ = false;
  mx::FunctionExporter file_;
};

} // namespace

extern "C" int rmlx_exporter_new(void** res, const char* file, bool shapeless) {
  return rmlx::status_of([&] {
    *res = new Exporter(file, shapeless);
  });
}

// 2: the function needs a kernel of ours, whose name is the message; 3: it uses arrays without values.
extern "C" int rmlx_exporter_add(
    mlx_vector_array* results,
    void* exporter,
    mlx_closure function,
    mlx_vector_array inputs,
    const char* const* names) {
  return rmlx::status_of([&] {
    try {
      const Arrays& list = mlx_vector_array_get_(inputs);
      mlx_vector_array_set_(
          *results,
          static_cast<Exporter*>(exporter)->add(
              mlx_closure_get_(function), list,
              std::vector<std::string>(names, names + list.size())));
    } catch (OnlyOurs& e) {
      mlx_error("%s", e.what());
      return 2;
    } catch (std::domain_error&) {
      return 3;
    }
    return 0;
  });
}

extern "C" bool rmlx_exporter_began(void* exporter) {
  return static_cast<Exporter*>(exporter)->began();
}

extern "C" int rmlx_exporter_close(void* exporter) {
  return rmlx::status_of([&] {
    static_cast<Exporter*>(exporter)->close();
  });
}

extern "C" void rmlx_exporter_free(void* exporter) {
  delete static_cast<Exporter*>(exporter);
}
