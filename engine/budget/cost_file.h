/// A measured cost table on disk: JSON, one file per engine kind.
#pragma once

#include <optional>
#include <string>

#include "engine/budget/cost_model.h"

namespace mone {

/// What a table was measured on; a file whose key differs is not that engine's.
struct CostKey {
  std::string model_hash, backend, device, dtype;
  int threads = 1, lanes = 1, max_batch = 1;
};

/// $XDG_CACHE_HOME/gst-mone, else ~/.cache/gst-mone; empty if neither is known.
std::string cost_folder();
/// Name of the key's file, without a folder.
std::string cost_file_name(const CostKey& key);

/// The table in `path`, if it is whole, sane and of this key. A missing file says nothing; another one that
/// does not do is logged.
std::optional<CostTable> read_costs(const std::string& path, const CostKey& key, int experts);
/// Writes by renaming, so that a reader sees a whole file. A failure is logged and nothing more.
void write_costs(const std::string& path, const CostKey& key, const CostTable& table);

}  // namespace mone
