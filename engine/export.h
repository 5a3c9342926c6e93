/// MONE_API marks what libmone.so offers; everything else in the library is hidden.
#pragma once

#if defined(__GNUC__)
#define MONE_API __attribute__((visibility("default")))
#else
#define MONE_API
#endif
