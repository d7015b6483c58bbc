// What is known of arrays by their ids. The standard's sets and maps ask for memory for each entry, which takes
// half of the time of a walk through a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace rmlx {

// Values by addresses, of which none is 0. An array's is its own while the array lives.
template <typename T>
class IdMap {
 public:
  // The value of an id, this one if there was none, and whether there was none.
  std::pair<T*, bool> emplace(std::uintptr_t id, T value = T{}) {
    size_t index = slots_.empty() ? 0 : place(id);
    bool fresh = slots_.empty() || slots_[index].id == 0;
    if (fresh) {
      if (2 * ++count_ > slots_.size()) {
        grow();
        index = place(id);
      }
      slots_[index] = {id, std::move(value)};
    }
    return {&slots_[index].value, fresh};
  }

  const T* find(std::uintptr_t id) const {
    if (slots_.empty()) {
      return nullptr;
    }
    const Slot& slot = slots_[place(id)];
    return slot.id == 0 ? nullptr : &slot.value;
  }

 private:
  struct Slot {
    std::uintptr_t id = 0; // 0: free
    T value{};
  };

  // The index of an id, or of the free slot for it.
  size_t place(std::uintptr_t id) const {
    const size_t last = slots_.size() - 1;
    size_t index = (id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & last;
    while (slots_[index].id != 0 && slots_[index].id != id) {
      index = (index + 1) & last;
    }
    return index;
  }

  void grow() {
    std::vector<Slot> before(slots_.empty() ? 64 : 2 * slots_.size());
    before.swap(slots_);
    for (Slot& slot : before) {
      if (slot.id != 0) {
        slots_[place(slot.id)] = std::move(slot);
      }
    }
  }

  std::vector<Slot> slots_; // none, or a power of two of which at most half are taken
  size_t count_ = 0;
};

class Ids {
 public:
  Ids() = default;

  template <typename At>
  Ids(At begin, At end) {
    for (; begin != end; begin++) {
      insert(*begin);
    }
  }

  // Whether it was not there before.
  bool insert(std::uintptr_t id) {
    return known_.emplace(id).second;
  }

  bool has(std::uintptr_t id) const {
    return known_.find(id) != nullptr;
  }

 private:
  struct Nothing {};
  IdMap<Nothing> known_;
};

} // namespace rmlx
