// What the rendered people do, by the joints that clips report.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "elements/actors/mone_actors.h"

namespace {

/// Six seconds of twelve plain clips of a label: joints [clip][frame][person][joint][x, y].
class Joints {
 public:
  static constexpr int kClips = 12, kFrames = 48;
  enum Joint {
    kHead = 0,
    kShoulder = 1,
    kHand = 5,
    kHip = 7,
    kAnkle = 11
  };  ///< of the right; the left is the next

  /// live_share 1: scenes as actiontestsrc shows them; 0: training's wider ones.
  explicit Joints(const char* name, float live_share = 1, float difficulty = 0.5f, int clips = kClips,
                  float crossing_share = 0) {
    mone_actors_clip_options options;
    mone_actors_clip_options_init(&options);
    options.width = options.height = 64;
    options.frames = kFrames;
    options.fps = 8;
    options.difficulty = difficulty;
    options.live_share = live_share;
    options.crossing_share = crossing_share;
    int32_t label = 0;
    while (std::string(mone_actors_label(label)) != name) ++label;
    const std::vector<int32_t> labels(static_cast<size_t>(clips), label);
    std::vector<uint8_t> pixels(static_cast<size_t>(clips * kFrames * options.width * options.height));
    values_.resize(static_cast<size_t>(clips * kFrames * MONE_ACTORS_PERSONS * MONE_ACTORS_JOINTS * 2));
    EXPECT_EQ(mone_actors_render_clips(77, clips, labels.data(), &options, pixels.data(), values_.data(),
                                       nullptr, nullptr),
              0);
  }
  float x(int clip, int frame, int person, int joint) const { return at(clip, frame, person, joint)[0]; }
  float y(int clip, int frame, int person, int joint) const { return at(clip, frame, person, joint)[1]; }
  bool there(int clip, int frame, int person) const { return x(clip, frame, person, 0) > -5; }
  /// Any joint of the actor in the picture.
  bool seen(int clip, int frame) const {
    for (int joint = 0; joint < MONE_ACTORS_JOINTS; ++joint) {
      const float* point = at(clip, frame, 0, joint);
      if (point[0] >= 0 && point[0] <= 1 && point[1] >= 0 && point[1] <= 1) return true;
    }
    return false;
  }

 private:
  const float* at(int clip, int frame, int person, int joint) const {
    const int index = ((clip * kFrames + frame) * MONE_ACTORS_PERSONS + person) * MONE_ACTORS_JOINTS + joint;
    return values_.data() + static_cast<size_t>(index) * 2;
  }
  std::vector<float> values_;
};

TEST(Actors, WhoMeetsStepsUpToTheOtherAndBack) {
  for (const char* name : {"handshake", "hug"}) {
    const Joints joints(name);
    int stepped = 0;
    for (int clip = 0; clip < Joints::kClips; ++clip) {
      float nearest = 10, after = 0;
      for (int frame = 0; frame < Joints::kFrames; ++frame) {
        if (!joints.there(clip, frame, 0) || !joints.there(clip, frame, 1)) continue;
        const float apart =
            std::abs(joints.x(clip, frame, 0, Joints::kHip) - joints.x(clip, frame, 1, Joints::kHip));
        if (apart < nearest) nearest = apart, after = 0;
        after = std::max(after, apart);
      }
      stepped += after > 1.2f * nearest;
    }
    EXPECT_GE(stepped, Joints::kClips / 2) << name;
  }
}

TEST(Actors, MostGesturesComeToAnEnd) {
  for (const char* name : {"wave", "clap", "point", "throw"}) {
    const Joints joints(name);
    int ended = 0;
    for (int clip = 0; clip < Joints::kClips; ++clip) {
      bool raised = false, lowered = false;
      for (int frame = 0; frame < Joints::kFrames; ++frame) {
        bool up = false;
        for (int side = 0; side < 2; ++side) {
          const float shoulder = joints.y(clip, frame, 0, Joints::kShoulder + side),
                      hip = joints.y(clip, frame, 0, Joints::kHip + side);
          up |= joints.y(clip, frame, 0, Joints::kHand + side) < 0.4f * shoulder + 0.6f * hip;
        }
        lowered |= raised && !up;
        raised |= up;
      }
      ended += lowered;
    }
    EXPECT_GE(ended, Joints::kClips / 2) << name;
  }
}

TEST(Actors, WhoHoldsAPoseSways) {
  const Joints joints("point");
  int swayed = 0;
  for (int clip = 0; clip < Joints::kClips; ++clip) {
    float least = 10, most = -10, tall = 0;
    for (int frame = 0; frame < Joints::kFrames; ++frame) {
      const float feet =
          (joints.x(clip, frame, 0, Joints::kAnkle) + joints.x(clip, frame, 0, Joints::kAnkle + 1)) / 2;
      const float lean = joints.x(clip, frame, 0, Joints::kHead) - feet;
      least = std::min(least, lean), most = std::max(most, lean);
      tall =
          std::max(tall, joints.y(clip, frame, 0, Joints::kAnkle) - joints.y(clip, frame, 0, Joints::kHead));
    }
    swayed += most - least > 0.03f * tall;
  }
  EXPECT_GE(swayed, 11);
}

TEST(Actors, WhoIsPushedFliesFartherThanWhoIsPunched) {
  // How far the hips get from where they were: the upper quartile of the clips, in heights of the person.
  const auto flies = [](const char* name) {
    const Joints joints(name);
    std::vector<float> ways;
    for (int clip = 0; clip < Joints::kClips; ++clip) {
      float least = 10, most = -10, tall = 0;
      for (int frame = 0; frame < Joints::kFrames; ++frame) {
        if (!joints.there(clip, frame, 1)) continue;
        const float hips =
            (joints.x(clip, frame, 1, Joints::kHip) + joints.x(clip, frame, 1, Joints::kHip + 1)) / 2;
        least = std::min(least, hips), most = std::max(most, hips);
        tall = std::max(tall,
                        joints.y(clip, frame, 1, Joints::kAnkle) - joints.y(clip, frame, 1, Joints::kHead));
      }
      ways.push_back((most - least) / tall);
    }
    std::sort(ways.begin(), ways.end(), std::greater<>());
    return ways[Joints::kClips / 4];
  };
  const float pushed = flies("push"), punched = flies("punch");
  EXPECT_GT(pushed, 0.6f);
  EXPECT_GT(pushed, 1.4f * punched) << punched;
}

TEST(Actors, MostOfTrainingsBlowsMeetSomebody) {
  const auto met = [](const char* name) {
    constexpr int kMany = 60;
    const Joints joints(name, 0, 1, kMany);
    int clips = 0;
    for (int clip = 0; clip < kMany; ++clip) clips += joints.there(clip, Joints::kFrames - 1, 1);
    return clips;
  };
  EXPECT_GE(met("punch"), 45);
  EXPECT_GE(met("push"), 45);
  EXPECT_LE(met("kick"), 46);  // kicks are shown in sports and dances, too
}

/// How far the head is above the ankles, and how far shoulders are from hips and from each other, in the
/// picture.
struct Build {
  float tall, trunk, broad;
  Build(const Joints& joints, int clip, int frame) {
    const auto middle = [&](auto get, int joint) {
      return ((joints.*get)(clip, frame, 0, joint) + (joints.*get)(clip, frame, 0, joint + 1)) / 2;
    };
    tall = middle(&Joints::y, Joints::kAnkle) - joints.y(clip, frame, 0, Joints::kHead);
    trunk = std::hypot(middle(&Joints::x, Joints::kShoulder) - middle(&Joints::x, Joints::kHip),
                       middle(&Joints::y, Joints::kShoulder) - middle(&Joints::y, Joints::kHip));
    broad = std::hypot(
        joints.x(clip, frame, 0, Joints::kShoulder) - joints.x(clip, frame, 0, Joints::kShoulder + 1),
        joints.y(clip, frame, 0, Joints::kShoulder) - joints.y(clip, frame, 0, Joints::kShoulder + 1));
  }
};

TEST(Actors, SomeOfTrainingsCamerasLookDownFromTheCeiling) {
  const auto seen_from_above = [](float live_share) {
    constexpr int kMany = 60;
    const Joints joints("jumping_jack", live_share, 1, kMany);
    int above = 0;
    for (int clip = 0; clip < kMany; ++clip) {
      const Build last(joints, clip, Joints::kFrames - 1);
      above += last.tall < 1.5f * last.broad;
    }
    return above;
  };
  EXPECT_GE(seen_from_above(0), 3);
  EXPECT_EQ(seen_from_above(1), 0);
}

TEST(Actors, SomeWhoDoNothingInTrainingAreDownOnPurpose) {
  const auto low = [](float live_share) {
    constexpr int kMany = 120;
    const Joints joints("nothing", live_share, 1, kMany);
    int low_clips = 0;
    for (int clip = 0; clip < kMany; ++clip) {
      int frames = 0;
      for (int frame = Joints::kFrames - 8; frame < Joints::kFrames; ++frame) {
        if (!joints.there(clip, frame, 0)) continue;
        const Build build(joints, clip, frame);
        frames += build.tall < 2.3f * build.trunk;
      }
      low_clips += frames >= 4;
    }
    return low_clips;
  };
  EXPECT_GE(low(0), 6);
  EXPECT_EQ(low(1), 0);
}

TEST(Actors, ThoseWhoAreToCrossThePicturesEdgeGoOutOrComeIn) {
  struct Count {
    int out = 0, in = 0;
  };
  const auto count = [](const char* name, float live_share, float crossing_share) {
    constexpr int kMany = 60;
    const Joints joints(name, live_share, 1, kMany, crossing_share);
    Count all;
    for (int clip = 0; clip < kMany; ++clip) {
      const bool first = joints.seen(clip, 0), last = joints.seen(clip, Joints::kFrames - 1);
      all.out += first && !last;
      all.in += !first && last;
    }
    return all;
  };
  for (const char* name : {"walk", "run"}) {
    const Count crossing = count(name, 0, 1);
    EXPECT_GE(crossing.out, 10) << name;
    EXPECT_GE(crossing.in, 5) << name;
    const Count ordinary = count(name, 0, 0);  // in six seconds some leave a wide scene by themselves
    EXPECT_GT(2 * crossing.out, 3 * ordinary.out) << name;
    EXPECT_GE(crossing.in, 2 * ordinary.in) << name;
  }
  // Who does not travel stays, and so does everybody in scenes as actiontestsrc shows them.
  EXPECT_LE(count("wave", 0, 1).out, 2);
  EXPECT_EQ(count("walk", 1, 1).out, 0);
}

TEST(Actors, MostOfTrainingSitDownOnceAndStaySeated) {
  const auto rises = [](float live_share, int clips) {
    const Joints joints("sit_down", live_share, 0.9f, clips);
    int risen = 0;
    for (int clip = 0; clip < clips; ++clip) {
      float lowest = -10, rise = 0, tall = 0;
      for (int frame = Joints::kFrames / 3; frame < Joints::kFrames; ++frame) {
        if (!joints.there(clip, frame, 0)) continue;
        const float head = joints.y(clip, frame, 0, Joints::kHead);
        lowest = std::max(lowest, head);
        rise = std::max(rise, lowest - head);
        tall = std::max(tall, joints.y(clip, frame, 0, Joints::kAnkle) - head);
      }
      risen += rise > 0.12f * tall;
    }
    return risen;
  };
  EXPECT_LE(rises(0, 60), 36);
  EXPECT_GE(rises(1, 12), 9);
}

}  // namespace
