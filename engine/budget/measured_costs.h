/// The cost table of an engine: from an earlier start's file, else measured now and kept.
///
/// Measuring pushes random pixels through a lane of the engine, while its other lanes work as well, at batch
/// 1 and at the largest batch, on as many levels as the time allows (all of the default model's within a
/// second); levels between are filled in by their multiply-adds (engine/cost.h). Where the largest batch
/// takes too long for that, a smaller one stands for it: what a further tubelet costs hardly depends on how
/// many there are. Files: $XDG_CACHE_HOME/gst-mone/ (else ~/.cache/gst-mone/), one per model hash, backend,
/// device, dtype, threads, lanes and largest batch; written atomically, so processes may start together. A
/// file that cannot be read or does not fit is measured anew, with a log line; a folder that cannot be
/// written costs a log line.
#pragma once

#include <string>

#include "engine/budget/cost_model.h"
#include "engine/engine.h"
#include "engine/export.h"

namespace mone {

struct MeasureOptions {
  int max_batch = 8;
  double seconds = .8;  ///< time box: begun measurements are ended, no new ones begun
};

/// Times the engine, which should be idle. @throws DeviceError if it fails, ConfigError if max_batch < 1
MONE_API CostTable measure_costs(Engine& engine, const MeasureOptions& options = {});

/// The table from the cache, else measured and written there.
MONE_API CostTable costs_of(Engine& engine, const MeasureOptions& options = {});

}  // namespace mone
