/// Custom metas: a GstStructure on a buffer, registered by name once in a process.
#pragma once

#include <gst/gst.h>

namespace mone {

/// The meta called `name`, registered at the first call, without transform: another copy of the plug-in in
/// the process (a static one, say) may have done so before.
inline const GstMetaInfo* custom_meta(const char* name) {
  static const gchar* tags[] = {nullptr};
  const GstMetaInfo* known = gst_meta_get_info(name);
  return known ? known : gst_meta_register_custom(name, tags, nullptr, nullptr, nullptr);
}

}  // namespace mone
