// Registers the elements, nothing else.
#include <gst/gst.h>

#include "elements/elements.h"

static gboolean plugin_init(GstPlugin* plugin) {
  (void)plugin;
  return TRUE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, mone,
                  "Action labels for live video: tubelets, MoNE-ViViT, labels, overlay", plugin_init,
                  MONE_VERSION, "LGPL", "gst-mone", "Unknown package origin")
