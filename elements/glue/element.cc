#include "elements/glue/element.h"

namespace mone {

void post_error(GstElement* element, const std::exception& error) {
  if (dynamic_cast<const ConfigError*>(&error) || dynamic_cast<const WeightsError*>(&error)) {
    GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("%s", error.what()), (nullptr));
  } else if (dynamic_cast<const ShapeError*>(&error)) {
    GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("%s", error.what()), (nullptr));
  } else {
    GST_ELEMENT_ERROR(element, LIBRARY, FAILED, ("%s", error.what()), (nullptr));
  }
}

void post_failure(GstElement* element, const Failure& failure) {
  GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("%s", failure.text.c_str()), (nullptr));
}

}  // namespace mone
