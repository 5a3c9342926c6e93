/// Procedural people who act: the C interface of `libmone-actors.so`.
///
/// Two users, one renderer. Training draws short labelled clips by the thousand (`mone_actors_render_clips`);
/// the element `actiontestsrc` draws an endless picture of one person who performs a script
/// (`mone_actors_scene_*`). Bodies, motions, backdrops and cameras are the same, so a model trained on the
/// first can be tested on the second.
///
/// Deterministic: the same arguments give the same bytes on one machine and build, whatever the number of
/// threads. No function prints, exits or throws across this boundary.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MONE_ACTORS_API
#else
#define MONE_ACTORS_API __attribute__((visibility("default")))
#endif

/// Joints of one person, in this order: head, shoulders, elbows, hands, hips, knees, ankles (each pair: the
/// person's right, then left).
#define MONE_ACTORS_JOINTS 13
/// Persons whose joints a clip reports: the actor and the partner.
#define MONE_ACTORS_PERSONS 2
/// Coordinate of a joint of a person who is not there.
#define MONE_ACTORS_ABSENT (-9.0f)

/// Number of labels.
MONE_ACTORS_API int mone_actors_label_count(void);
/// Name of label `index` ("walk", ..., "nothing"), or NULL outside [0, count).
MONE_ACTORS_API const char* mone_actors_label(int index);
/// Index of a label or of a script alias ("idle", "empty", "pick_up", ...), or -1.
MONE_ACTORS_API int mone_actors_label_index(const char* name);

/// What clips look like. Fill with `mone_actors_clip_options_init`, then change what differs.
typedef struct mone_actors_clip_options {
  uint32_t struct_size;  ///< sizeof this struct, for later versions
  int32_t width;         ///< pixels, 16..1024
  int32_t height;        ///< pixels, 16..1024
  int32_t frames;        ///< 1..256
  float fps;             ///< sampled frames per second; 0 = drawn per clip in 8..25
  float clutter;         ///< 0 plain .. 1 crowded; < 0 = drawn per clip
  float difficulty;      ///< 0 = plain look, centred, no artefacts; 1 = everything the generator has
  float live_share;      ///< share of clips that look like the live scene (0..1); the rest vary more widely
  int32_t rgb;           ///< 0: luma u8 [count][frames][h][w] (full range, BT.601); 1: RGB u8 [..][3]
  int32_t letterbox;     ///< 1: content aspect 4:3, 16:9 or 1:1 drawn per clip, centred, black bars (fit=pad)
  int32_t threads;       ///< worker threads, >= 1
  int32_t history;       ///< frames before the clip's own, 0..256; outputs have history + frames of them
  /// Share of the varied clips of "walk" and "run" whose person goes out of the picture or comes into it
  /// while the clip lasts (0..1); in part of them nobody is left at the end.
  float crossing_share;
} mone_actors_clip_options;

/// Defaults: 112x112, 16 frames, fps 0, clutter < 0, difficulty 1, live_share 0.5, luma, letterbox, one
/// thread, no history, nobody who crosses the edge.
MONE_ACTORS_API void mone_actors_clip_options_init(mone_actors_clip_options* options);

/// Renders `count` clips; clip i depends on (seed, i, labels[i], options) only. Below, frames stands for
/// history + frames.
///
/// Every clip is the window a live stream would show: it ends while the labelled action is being done, and
/// may begin with what came before (idling, another action).
///
/// @param labels       [count] label index, -1 = drawn from the seed; NULL = all drawn
/// @param pixels       u8 output, see `rgb`
/// @param joints       NULL or f32 [count][frames][2 persons][13][2]: x, y as shares of the picture's width
/// and height
///                     (0..1 inside), MONE_ACTORS_ABSENT where there is no such person
/// @param labels_out   NULL or [count]
/// @param action_span  NULL or f32 [count][2]: first and last moment of the labelled action inside the clip,
/// as shares
///                     of the clip (0 = first frame, 1 = last)
/// @return             0, or -1 if an argument is out of range (`mone_actors_error` says which)
MONE_ACTORS_API int mone_actors_render_clips(uint64_t seed, int count, const int32_t* labels,
                                             const mone_actors_clip_options* options, uint8_t* pixels,
                                             float* joints, int32_t* labels_out, float* action_span);

/// Text of this thread's last failure, never NULL. Valid until the next call on this thread.
MONE_ACTORS_API const char* mone_actors_error(void);

/// A person who performs a script in front of a backdrop: a pure function of (script, seed, clutter, size,
/// time). One scene is used by one thread at a time.
typedef struct mone_actors_scene mone_actors_scene;

typedef enum {
  MONE_ACTORS_RGB = 0,    ///< 3 bytes R G B
  MONE_ACTORS_RGBX = 1,   ///< 4 bytes R G B 255
  MONE_ACTORS_BGRX = 2,   ///< 4 bytes B G R 255
  MONE_ACTORS_GRAY8 = 3,  ///< luma, full range
  MONE_ACTORS_I420 = 4,   ///< Y, U, V; limited range
  MONE_ACTORS_NV12 = 5,   ///< Y, interleaved UV; limited range
} mone_actors_format;

typedef struct mone_actors_scene_options {
  uint32_t struct_size;  ///< sizeof this struct
  const char* script;    ///< "label[:seconds],..."; NULL or "" = endless, every action in drawn order
  uint64_t seed;
  int32_t width;              ///< pixels, 16..7680
  int32_t height;             ///< pixels, 16..4320
  float pixel_aspect;         ///< width of a pixel over its height, 1 = square
  float clutter;              ///< 0..1
  mone_actors_format format;  ///< what `mone_actors_scene_render` writes
  int32_t bt709;              ///< YUV matrix: 0 = BT.601, 1 = BT.709
} mone_actors_scene_options;

/// Defaults: endless script, seed 0, 640x480, clutter 0.3, I420, BT.601.
MONE_ACTORS_API void mone_actors_scene_options_init(mone_actors_scene_options* options);

/// @return NULL if the script does not parse or a value is out of range; `mone_actors_error` names the token
/// or value.
MONE_ACTORS_API mone_actors_scene* mone_actors_scene_new(const mone_actors_scene_options* options);
MONE_ACTORS_API void mone_actors_scene_free(mone_actors_scene* scene);

/// Length of one pass through the script in seconds (it repeats with other details); 0 for the endless
/// script.
MONE_ACTORS_API double mone_actors_scene_duration(const mone_actors_scene* scene);

/// Draws the moment `time` (seconds, >= 0, any order).
/// @param planes   1 (packed, GRAY8), 2 (NV12) or 3 (I420) pointers to the first byte of each plane
/// @param strides  bytes from row to row of each plane
MONE_ACTORS_API void mone_actors_scene_render(mone_actors_scene* scene, double time, uint8_t* const* planes,
                                              const int32_t* strides);

/// What is true at a moment.
typedef struct mone_actors_truth {
  int32_t label;          ///< index of the action under way, or of the one being prepared
  int32_t in_transition;  ///< 1 where a viewer of the last second could not yet (or no longer) be expected to
                          ///< name it: between actions, until an action has shown what marks it, and while
                          ///< the person gets back (up from the floor or the chair) to do it again
  float phase;            ///< share of the script entry that has passed, 0..1
  int32_t persons;        ///< people of the action in the picture: 0 (empty), 1, 2
  float x, y, width, height;  ///< box around them in pixels, clipped to the picture; 0 where nobody is seen
  int32_t entry;              ///< running number of the script entry since time 0
} mone_actors_truth;

MONE_ACTORS_API void mone_actors_scene_truth(mone_actors_scene* scene, double time, mone_actors_truth* truth);

/// Somebody in the picture, as a detector would mark them.
typedef struct mone_actors_person {
  int32_t id;                 ///< 1 who acts, 2 the other one of the action, from 3 bystanders
  float x, y, width, height;  ///< box in pixels, clipped to the picture
} mone_actors_person;

/// Everybody in the picture at a moment, by rising id.
/// @return how many there are; at most `most` of them are written
MONE_ACTORS_API int32_t mone_actors_scene_persons(mone_actors_scene* scene, double time,
                                                  mone_actors_person* persons, int32_t most);

#ifdef __cplusplus
}
#endif
