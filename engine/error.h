/// Errors of the engine: exceptions for misuse and failing devices, Result<T> for what a user can get wrong.
#pragma once

// Boost 1.83 (Debian 13): policy headers want result.hpp before them, so this is the whole of it in the right order.
#include <boost/outcome/result.hpp>

#include <boost/outcome/policy/terminate.hpp>
#include <stdexcept>
#include <string>

#include "engine/export.h"

namespace mone {

/// Root of everything the engine throws. The text carries the offending values.
class MONE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// A tensor, tubelet or clip whose extents do not fit the model.
class MONE_API ShapeError : public Error {
 public:
  using Error::Error;
};
/// A value outside its range: budget, option, property.
class MONE_API ConfigError : public Error {
 public:
  using Error::Error;
};
/// A weight that is absent, misshapen or not finite.
class MONE_API WeightsError : public Error {
 public:
  using Error::Error;
};
/// A device or library that failed while running.
class MONE_API DeviceError : public Error {
 public:
  using Error::Error;
};

/// Why something a user asked for cannot be had: one sentence that names the file, key or value and what to
/// do next.
struct Failure {
  std::string text;
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Failure, boost::outcome_v2::policy::terminate>;

}  // namespace mone
