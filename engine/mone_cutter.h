/// From pictures to tubelets for training: the C interface of the code that live video goes through.
///
/// A model learns from what it will be shown: the same sampling, crop, planes and cut. `samples/training`
/// calls this through ctypes. No function prints, exits or throws across this boundary.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MONE_CUTTER_API
#else
#define MONE_CUTTER_API __attribute__((visibility("default")))
#endif

typedef struct mone_cutter mone_cutter;

/// @param config_json  the `config` of a model file (spec section 12); its sampling part is what counts
/// @return             NULL if it cannot be read; mone_cutter_error says why
MONE_CUTTER_API mone_cutter* mone_cutter_new(const char* config_json);
MONE_CUTTER_API void mone_cutter_free(mone_cutter* cutter);
/// Text of this thread's last failure, never NULL. Valid until the next call on this thread.
MONE_CUTTER_API const char* mone_cutter_error(void);

/// Cuts clips that are sampled already: every picture is one time step.
///
/// @param pixels    u8 [count][history + steps][height][width], full-range pixels, where the planes are
/// luma-motion;
///                  [..][width][3], R G B, where they are rgb. Square pixels
/// @param history   steps before the clip, which crop and planes look back to; a multiple of the tubelet's
///                  frames, as `steps` is
/// @param tubelets  u8 output [count][steps / pt][tokens][3][pt][ph][pw]: channel first, as the embedding's
///                  weights are
/// @param boxes     NULL or f32 [count][steps / pt][4]: left, top, width, height of what each shows, as
/// shares of
///                  the frame fitted to the model's image (0 0 1 1 with crop=full)
/// @return          0, or -1 (mone_cutter_error)
MONE_CUTTER_API int mone_cutter_clips(const mone_cutter* cutter, int count, int steps, int history,
                                      int height, int width, const uint8_t* pixels, int threads,
                                      uint8_t* tubelets, float* boxes);

/// Cuts a video: frames are chosen by their times as `monetubelet sampling=follow` chooses them.
///
/// @param pixels    u8 [frames][height][width] or [..][width][3], see mone_cutter_clips
/// @param times     f64 [frames] seconds
/// @param fps       frames per second as the container has it; 0 = not said
/// @param stride    frames from step to step; 0 = as live
/// @param most      room in the outputs, tubelets
/// @param tubelets  u8 output [most][tokens][3][pt][ph][pw]
/// @param ends      NULL or f64 [most]: time of each tubelet's last frame
/// @param boxes     NULL or f32 [most][4], see mone_cutter_clips
/// @return          tubelets there were (those beyond `most` are not written), or -1 (mone_cutter_error)
MONE_CUTTER_API int mone_cutter_video(const mone_cutter* cutter, int frames, int height, int width,
                                      const uint8_t* pixels, const double* times, double fps, int stride,
                                      int most, uint8_t* tubelets, double* ends, float* boxes);

#ifdef __cplusplus
}
#endif
