// Derivatives in both modes, by the derivatives that MLX's operations bring. MLX's own walk through
// the graph ends in the stack's overflow for long loops, follows integers, pairs derivatives with the wrong
// results where one is that of stop_gradient, and gives up where an operation knows one mode only.
//
// Of complex numbers derivatives here are JAX's: a weight c of f(z) pulls back to c f'(z), and the gradient
// of a real u(x + iy) is du/dx - i du/dy. MLX's operations pull c back to c times the conjugate of f'(z), and
// so does the walk through them, between conjugates of what goes in and what comes out.

#include "derive.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include <mlx/transforms.h>

#include "beside.h"
#include "complex.h"
#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace rmlx {

namespace {

using ById = std::unordered_map<std::uintptr_t, mx::array>;

// What `found` has for arrays, zeros for those without.
Arrays collected(const Arrays& arrays, const ById& found, mx::Stream stream) {
  Arrays out;
  for (auto& a : arrays) {
    auto at = found.find(a.id());
    out.push_back(at == found.end() ? mx::zeros_like(a, stream) : at->second);
  }
  return out;
}

// Whether MLX lacks an operation's forward derivative; its texts are many.
bool is_missing(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text.find("jvp") != text.npos && text.find("implemented") != text.npos;
}

// An operation's forward derivative.
Arrays forward_of(const mx::array& a, const Arrays& tangents, const std::vector<int>& argnums) {
  if (auto own = pushed(a, tangents, argnums)) {
    return *own;
  }
  try {
    Beside its_device(a);
    return a.primitive().jvp(a.inputs(), tangents, argnums);
  } catch (std::exception& e) {
    if (!is_missing(e.what())) {
      throw;
    }
  }
  Arrays outputs = a.outputs();
  mx::Stream s = a.primitive().stream();
  auto back = [&](const Arrays& cotangents) {
    return conjugates(pulled(a, conjugates(cotangents, s), argnums), s);
  };
  Arrays border = joined(a.inputs(), outputs, tangents);
  return transpose(back, outputs, tangents, s, border);
}

// Copies that are traced while the function of a transformation runs.
Arrays traced(const Arrays& arrays, mx::Stream stream) {
  Arrays out;
  for (auto& a : arrays) {
    out.push_back(mx::copy(a, stream));
    out.back().set_tracer(true);
  }
  return out;
}

} // namespace

Arrays pull(
    const Arrays& outputs,
    const Arrays& inputs,
    const Arrays& cotangents,
    mx::Stream stream,
    const Arrays& border) {
  ById found;
  auto add = [&](const mx::array& to, const mx::array& x, mx::Stream s) {
    auto [at, fresh] = found.emplace(to.id(), x);
    if (!fresh) {
      at->second = mx::add(at->second, x, s);
    }
  };
  for (size_t i = 0; i < outputs.size(); i++) {
    if (is_inexact(outputs[i])) {
      add(outputs[i], mx::conjugate(cotangents.at(i), stream), stream);
    }
  }
  Arrays tape = between(inputs, outputs, carries_derivative, border);
  release(inputs, tape); // rules may read values from here on
  Ids depending;
  for (auto& input : inputs) {
    if (is_inexact(input)) {
      depending.insert(input.id());
    }
  }
  for (auto& a : tape) {
    for (auto& one : a.outputs()) {
      if (is_inexact(one)) {
        depending.insert(one.id());
      }
    }
  }
  for (auto at = tape.rbegin(); at != tape.rend(); at++) {
    Arrays results = at->outputs();
    bool used = std::any_of(results.begin(), results.end(), [&](const mx::array& a) {
      return found.count(a.id()) > 0;
    });
    std::vector<int> argnums;
    for (size_t i = 0; i < at->inputs().size(); i++) {
      if (depending.has(at->inputs()[i].id())) {
        argnums.push_back(static_cast<int>(i));
      }
    }
    if (!used || argnums.empty()) {
      continue;
    }
    mx::Stream s = at->primitive().stream();
    Arrays weights = collected(results, found, s);
    for (auto& one : results) {
      found.erase(one.id()); // what has been passed on need not be kept
    }
    Arrays grads = pulled(*at, weights, argnums);
    for (size_t k = 0; k < argnums.size(); k++) {
      add(at->inputs()[argnums[k]], grads[k], s);
    }
  }
  return conjugates(collected(inputs, found, stream), stream);
}

Arrays push(const Arrays& outputs, const Arrays& inputs, const Arrays& tangents, mx::Stream stream) {
  ById found;
  for (size_t i = 0; i < inputs.size(); i++) {
    if (is_inexact(inputs[i])) {
      found.emplace(inputs[i].id(), tangents.at(i));
    }
  }
  Arrays tape = between(inputs, outputs, carries_derivative);
  release(inputs, tape);
  for (auto& a : tape) {
    std::vector<int> argnums;
    Arrays along;
    for (size_t i = 0; i < a.inputs().size(); i++) {
      auto at = found.find(a.inputs()[i].id());
      if (at != found.end()) {
        argnums.push_back(static_cast<int>(i));
        along.push_back(at->second);
      }
    }
    if (argnums.empty()) {
      continue;
    }
    Arrays results = a.outputs(), derivatives = forward_of(a, along, argnums);
    for (size_t i = 0; i < results.size(); i++) {
      if (is_inexact(results[i])) {
        found.emplace(results[i].id(), derivatives[i]);
      }
    }
  }
  return collected(outputs, found, stream);
}

void within(Transformation transformation, const std::function<void()>& body) {
  auto run = [&](const Arrays&) {
    body();
    return Arrays{};
  };
  transformation(run, Arrays{}, Arrays{});
}

std::pair<Arrays, Arrays>
vjp(const Function& f, const Arrays& primals, const Function& cotangents_of, mx::Stream stream) {
  Arrays outputs, grads;
  within(mx::vjp, [&] {
    Arrays inputs = traced(primals, stream);
    outputs = f(inputs);
    grads = pull(outputs, inputs, cotangents_of(outputs), stream);
  });
  return {std::move(outputs), std::move(grads)};
}

std::pair<Arrays, Arrays>
jvp(const Function& f, const Arrays& primals, const Arrays& tangents, mx::Stream stream) {
  Arrays outputs, derivatives;
  within(mx::jvp, [&] {
    Arrays inputs = traced(primals, stream);
    outputs = f(inputs);
    derivatives = push(outputs, inputs, tangents, stream);
  });
  return {std::move(outputs), std::move(derivatives)};
}

Arrays transpose(
    const Function& map,
    const Arrays& domain,
    const Arrays& y,
    mx::Stream stream,
    const Arrays& border) {
  Arrays out;
  within(mx::vjp, [&] {
    Arrays zeros;
    for (auto& x : domain) {
      zeros.push_back(mx::zeros_like(x, stream));
      zeros.back().set_tracer(true);
    }
    out = pull(map(zeros), zeros, y, stream, border);
  });
  return out;
}

} // namespace rmlx

// The value of a function, its first result, which has no axes, and the value's gradients.
extern "C" int rmlx_value_and_grad(
    mlx_vector_array* values,
    mlx_vector_array* grads,
    mlx_closure function,
    mlx_vector_array primals,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    mx::Stream s = mlx_stream_get_(stream);
    auto one = [](const rmlx::Arrays& results) {
      if (results.at(0).ndim() != 0) {
        throw std::logic_error("[rmlx] the gradient of what is no number");
      }
      return rmlx::Arrays{mx::array(1.0f, results.at(0).dtype())};
    };
    auto [results, found] =
        rmlx::vjp(mlx_closure_get_(function), mlx_vector_array_get_(primals), one, s);
    mlx_vector_array_set_(*values, results);
    mlx_vector_array_set_(*grads, found);
  });
}

// The results of a function and their derivatives along `directions`.
extern "C" int rmlx_jvp(
    mlx_vector_array* values,
    mlx_vector_array* tangents,
    mlx_closure function,
    mlx_vector_array primals,
    mlx_vector_array directions,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    auto [results, found] = rmlx::jvp(
        mlx_closure_get_(function), mlx_vector_array_get_(primals),
        mlx_vector_array_get_(directions), mlx_stream_get_(stream));
    mlx_vector_array_set_(*values, results);
    mlx_vector_array_set_(*tangents, found);
  });
}
