/// Every element of the plug-in, by its register function.
#pragma once

#include <gst/gst.h>

GST_ELEMENT_REGISTER_DECLARE(actiontestsrc);
GST_ELEMENT_REGISTER_DECLARE(monetubelet);
GST_ELEMENT_REGISTER_DECLARE(monevivit);
GST_ELEMENT_REGISTER_DECLARE(monelabel);
GST_ELEMENT_REGISTER_DECLARE(moneclassify);
GST_ELEMENT_REGISTER_DECLARE(moneoverlay);

GType gst_mone_tubelet_get_type();
GType gst_mone_vivit_get_type();
GType gst_mone_label_get_type();
