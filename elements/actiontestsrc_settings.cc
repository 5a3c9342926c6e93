#include "elements/actiontestsrc_settings.h"

namespace mone {

GType vfr_mode_type() {
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int>(VfrMode::kNone), "Steady frame rate", "none"},
        {static_cast<int>(VfrMode::kJitter), "Each timestamp moves by up to 0.4 frame intervals", "jitter"},
        {static_cast<int>(VfrMode::kDrop), "A quarter of the frames are missing, drawn from the seed",
         "drop"},
        {static_cast<int>(VfrMode::kSwing), "The rate swings from full to a third and back every 8 seconds",
         "swing"},
        {0, nullptr, nullptr}};
    return g_enum_register_static("GstMoneVfrMode", values);
  }();
  return type;
}

GType gap_mode_type() {
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int>(GapMode::kSilent), "Frames are missing, the next one is marked DISCONT", "silent"},
        {static_cast<int>(GapMode::kEvent), "A GAP event stands for the missing frames", "event"},
        {0, nullptr, nullptr}};
    return g_enum_register_static("GstMoneGapMode", values);
  }();
  return type;
}

}  // namespace mone
