// What is known of arrays by their ids. The standard's sets and maps ask for memory for each entry, which takes
// half of the time of a walk through a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace rmlx {

// Values by addresses, of which none is 0.
template <typename T>
class IdMap {
 public:
  // The value of an id, by default this one, and whether there was none before.
  std::pair<T*, bool> emplace(std::uintptr_t id, T value = T{}) {
    if (2 * ++count_ > slots_.size()) {
      grow();
    }
    Slot& at = slots_[place(id)];
    bool fresh = at.id == 0;
    if (fresh) {
      at = {id, std::move(value)};
    } else {
      count_--;
    }
    return {&at.value, fresh};
  }

  const T* find(std::uintptr_t id) const {
    const Slot& at = slots_[place(id)];
    return at.id == 0 ? nullptr : &at.value;
  }

 private:
  struct Slot {
    std::uintptr_t id = 0;
    T value{};
  };

  // Where an id is, or the free slot for it.
  size_t place(std::uintptr_t id) const {
    const size_t last = slots_.size() - 1;
    size_t at = (id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & last;
    while (slots_[at].id != 0 && slots_[at].id != id) {
      at = (at + 1) & last;
    }
    return at;
  }

  void grow() {
    std::vector<Slot> before(2 * slots_.size());
    before.swap(slots_);
    for (Slot& slot : before) {
      if (slot.id != 0) {
        slots_[place(slot.id)] = std::move(slot);
      }
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64); // always a power of two, at most half full
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
