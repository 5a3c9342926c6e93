/// Every element of the plug-in, by its register function.
#pragma once

#include <gst/gst.h>
