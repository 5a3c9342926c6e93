// Registers the elements, nothing else.
#include <gst/gst.h>

#include "elements/elements.h"

static gboolean plugin_init(GstPlugin* plugin) {
  gboolean all = GST_ELEMENT_REGISTER(actiontestsrc, plugin);
  all &= GST_ELEMENT_REGISTER(monetubelet, plugin);
  all &= GST_ELEMENT_REGISTER(monevivit, plugin);
  all &= GST_ELEMENT_REGISTER(monelabel, plugin);
  all &= GST_ELEMENT_REGISTER(moneclassify, plugin);
  all &= GST_ELEMENT_REGISTER(moneoverlay, plugin);
  return all;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, mone,
                  "Action labels for live video: tubelets, MoNE-ViViT, labels, overlay", plugin_init,
                  MONE_VERSION, "LGPL", "gst-mone", "Unknown package origin")
