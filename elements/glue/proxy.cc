#include "elements/glue/proxy.h"

namespace mone {

GParamSpec* clone_param_spec(GParamSpec* p) {
  const char* name = p->name;
  const char* nick = g_param_spec_get_nick(p);
  const char* blurb = g_param_spec_get_blurb(p);
  const GParamFlags flags = p->flags;
  if (auto* s = G_IS_PARAM_SPEC_STRING(p) ? G_PARAM_SPEC_STRING(p) : nullptr)
    return g_param_spec_string(name, nick, blurb, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_BOOLEAN(p) ? G_PARAM_SPEC_BOOLEAN(p) : nullptr)
    return g_param_spec_boolean(name, nick, blurb, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_INT(p) ? G_PARAM_SPEC_INT(p) : nullptr)
    return g_param_spec_int(name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_UINT(p) ? G_PARAM_SPEC_UINT(p) : nullptr)
    return g_param_spec_uint(name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_UINT64(p) ? G_PARAM_SPEC_UINT64(p) : nullptr)
    return g_param_spec_uint64(name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_DOUBLE(p) ? G_PARAM_SPEC_DOUBLE(p) : nullptr)
    return g_param_spec_double(name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  if (auto* s = G_IS_PARAM_SPEC_ENUM(p) ? G_PARAM_SPEC_ENUM(p) : nullptr)
    return g_param_spec_enum(name, nick, blurb, p->value_type, s->default_value, flags);
  if (G_IS_PARAM_SPEC_BOXED(p)) return g_param_spec_boxed(name, nick, blurb, p->value_type, flags);
  return nullptr;
}

}  // namespace mone
