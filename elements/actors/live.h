/// The endless picture of one scene in a video format: a cached backdrop, and the people drawn over it.
#pragma once

#include <cstdint>
#include <vector>

#include "elements/actors/look.h"
#include "elements/actors/mone_actors.h"
#include "elements/actors/scene.h"

namespace mone::actors {

class LivePicture {
 public:
  LivePicture(const SceneOptions& scene, mone_actors_format format, bool bt709);

  void render(double time, uint8_t* const* planes, const int32_t* strides);
  void truth(double time, mone_actors_truth* out);
  std::vector<mone_actors_person> persons(double time);
  Timeline& timeline() { return scene_.timeline(); }

 private:
  struct Plane {
    int width = 0, height = 0, sample_bytes = 1, shift = 0;  ///< shift: log2 of the subsampling
    std::vector<uint8_t> pixels;
  };
  /// frame_ as it is at `time`; picture, truth and persons of one moment are asked for one after the other.
  void prepare(double time);
  void convert_rows(const uint8_t* r, const uint8_t* g, const uint8_t* b, size_t row_pixels, int width,
                    int height, uint8_t* const* out, const int32_t* strides) const;
  void cache_backdrop();
  void copy_backdrop(uint8_t* const* planes, const int32_t* strides) const;
  void draw_box(const Box& box, uint8_t* const* planes, const int32_t* strides);
  void add_noise(double time, uint8_t* const* planes, const int32_t* strides) const;
  std::vector<Box> busy_boxes() const;

  Scene scene_;
  mone_actors_format format_;
  bool bt709_;
  Look look_;
  int noise_levels_ = 0;
  int plane_count_ = 1;
  Plane cache_[3];
  Frame frame_;
  double prepared_ = -1;  ///< moment that frame_ shows, seconds; before the first one: none
  std::vector<float> canvas_;
  std::vector<uint8_t> bytes_;
};

}  // namespace mone::actors
