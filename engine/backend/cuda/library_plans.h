/// The plans of a library by shape: a bounded cache. That a shape has none is remembered, too, and said once.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/backend/cuda/bounded_map.h"
#include "engine/backend/cuda/library.h"

namespace mone::cuda {

using LogLine = std::function<void(const std::string&)>;

template <class Library>
class LibraryPlans {
 public:
  using Shape = typename Library::Shape;
  using Plan = typename Library::Plan;

  LibraryPlans(std::unique_ptr<Library> library, std::size_t limit, LogLine log)
      : library_(std::move(library)), plans_(limit), log_(std::move(log)) {}

  /// Null: the library has none. A plan that is dropped lives on with whoever holds it.
  std::shared_ptr<Plan> find(const Shape& shape) {
    if (const auto* known = plans_.find(shape)) return *known;
    auto made = library_->plan(shape);
    if (!made) log_(library_->name() + ": " + made.error().text + "; our own kernels do it");
    return plans_.add(shape, made ? std::move(made).value() : nullptr);
  }
  std::string name() const { return library_->name(); }
  std::size_t size() const { return plans_.size(); }

 private:
  std::unique_ptr<Library> library_;  // outlives its plans
  BoundedMap<Shape, std::shared_ptr<Plan>> plans_;
  LogLine log_;
};

}  // namespace mone::cuda
