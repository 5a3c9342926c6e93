#include <gst/check/gstharness.h>

#include <cstdio>
#include <fstream>

#include "tests/elements/support.h"

namespace mone {
namespace {

constexpr GstClockTime kHop = 160 * GST_MSECOND;

class MoneVivit : public testing::Test {
 protected:
  void start(const std::string& model = tiny_model()) {
    format_ = format_of(model);
    harness_.reset(
        gst_harness_new_parse(("monevivit backend=reference threads=1 model=\"" + model + "\"").c_str()));
    vivit_ = gst_harness_find_element(harness_.get(), "monevivit");
    gst_object_unref(vivit_);
    bus_ = give_bus(harness_->element);
    answer_not_live(harness_.get());  // every tubelet is answered
    gst_harness_set_src_caps(harness_.get(), tubelet_caps(format_).release());
  }
  GstFlowReturn push(int k, TubeletMeta meta = {}) {
    return gst_harness_push(harness_.get(),
                            new_tubelet(format_, k * kHop, kHop, static_cast<unsigned>(k), meta));
  }
  ScoresMeta pull() {
    const auto out = Owned<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
    last_pts_ = GST_BUFFER_PTS(out.get());
    logits_.resize(gst_buffer_get_size(out.get()) / sizeof(float));
    gst_buffer_extract(out.get(), 0, logits_.data(), logits_.size() * sizeof(float));
    return get_scores_meta(out.get()).value();
  }
  ScoresMeta score(int k, TubeletMeta meta = {}) {
    EXPECT_EQ(push(k, meta), GST_FLOW_OK);
    return pull();
  }

  Harness harness_;
  GstElement* vivit_ = nullptr;
  Owned<GstBus> bus_;
  TubeletFormat format_;
  GstClockTime last_pts_ = 0;
  std::vector<float> logits_;
};

TEST_F(MoneVivit, ScoresEveryTubeletWithTheTimesOfItsWindow) {
  start();
  EXPECT_TRUE(score(1).warming);
  EXPECT_EQ(last_pts_, kHop);
  EXPECT_EQ(logits_.size(), 5u);
  EXPECT_TRUE(score(2).warming);
  const ScoresMeta third = score(3);
  EXPECT_FALSE(third.warming);
  EXPECT_EQ(third.window_start, kHop / 2) << "the first frame of the first tubelet";
  EXPECT_EQ(third.window_end, 3 * kHop);
  EXPECT_EQ(third.max_gap, 3 * kHop) << "one window";
  EXPECT_EQ(third.experts.size(), static_cast<std::size_t>(format_.tokens()));
  EXPECT_EQ(third.box, (Box{0, 0, 320, 240}));
  EXPECT_EQ(score(4).window_start, kHop + kHop / 2);
}

TEST_F(MoneVivit, SaysWhatTheModelIsOnceBeforeTheFirstScores) {
  start();
  score(1);
  score(2);
  int told = 0;
  while (GstEvent* event = gst_harness_try_pull_event(harness_.get())) {
    const auto owned = Owned<GstEvent>::adopt(event);
    if (const auto info = parse_model_event(event)) {
      told++;
      EXPECT_EQ(info->labels, (std::vector<std::string>{"walk", "run", "wave", "clap", "nothing"}));
      EXPECT_EQ(info->backend, "reference");
      EXPECT_EQ(info->grid_width, 5);
      EXPECT_EQ(info->grid_height, 4);
      EXPECT_EQ(info->model_hash.size(), 64u);
    }
  }
  EXPECT_EQ(told, 1);
}

TEST_F(MoneVivit, SaysWhichCropItsTubeletsHave) {
  start();
  const std::string own = to_name(format_.crop);
  format_.crop = CropMode::kRegion;
  ASSERT_NE(own, to_name(format_.crop));
  score(1);
  gst_harness_set_src_caps(harness_.get(),
                           tubelet_caps(format_).release());  // from here on cropped in another way
  score(2);
  std::vector<std::string> told;
  while (GstEvent* event = gst_harness_try_pull_event(harness_.get())) {
    const auto owned = Owned<GstEvent>::adopt(event);
    if (const auto info = parse_model_event(event)) {
      told.push_back(info->crop);
      EXPECT_EQ(info->planes, to_name(format_.planes));
    }
  }
  EXPECT_EQ(told, (std::vector<std::string>{own, "region"}))
      << "as the stream is cropped, whatever the model's config says";
}

TEST_F(MoneVivit, ABudgetActsOnTheNextTubeletAndIsAnnounced) {
  start();
  EXPECT_EQ(score(1).budget, 1);
  g_object_set(vivit_, "budget", 0.5, nullptr);
  const ScoresMeta half = score(2);
  EXPECT_EQ(half.budget, 0.5);
  EXPECT_NEAR(half.realised, 0.5, 0.1);
  score(3);
  const auto qos = messages(bus_.get(), GST_MESSAGE_QOS);
  ASSERT_EQ(qos.size(), 2u);
  gint quality = 0;
  gst_message_parse_qos_values(qos[1].get(), nullptr, nullptr, &quality);
  EXPECT_EQ(quality, 500000);
}

TEST_F(MoneVivit, ALostTubeletTakesItsSlotAndIsCounted) {
  start();
  for (int k : {1, 2, 3}) score(k);
  const ScoresMeta after = score(5);
  EXPECT_EQ(after.missing, 1);
  EXPECT_FALSE(after.warming);
  EXPECT_EQ(after.window_start, 2 * kHop + kHop / 2) << "tubelets 3, the lost one, and 5";
  EXPECT_EQ(score(6).missing, 1);
  EXPECT_EQ(score(7).missing, 0);
}

TEST_F(MoneVivit, AGapLongerThanAWindowStartsAfresh) {
  start();
  for (int k : {1, 2, 3}) score(k);
  const ScoresMeta after = score(9);
  EXPECT_TRUE(after.warming);
  EXPECT_EQ(after.missing, 0);
  EXPECT_GE(after.window_start, 8 * kHop);
}

TEST_F(MoneVivit, TimeThatGoesBackAndANewEpochStartAfresh) {
  start();
  for (int k : {11, 12, 13}) score(k);
  EXPECT_TRUE(score(1).warming);
  for (int k : {2, 3}) score(k);
  TubeletMeta restarted;
  restarted.epoch = 1;
  EXPECT_TRUE(score(4, restarted).warming);
}

TEST_F(MoneVivit, FlushAndANewSegmentStartAfresh) {
  start();
  for (int k : {1, 2, 3}) score(k);
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_TRUE(score(4).warming);
  for (int k : {5, 6}) score(k);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_FALSE(score(7).warming) << "the same segment again changes nothing";
  segment.base = GST_SECOND;
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_TRUE(score(8).warming);
}

TEST_F(MoneVivit, ADiscontIsALossWhereTimeShowsAHoleAndARestartWhereNothingSaysOtherwise) {
  start();
  bool with_meta = true, discont = true;
  for (int k : {1, 2, 3}) score(k);
  const auto push_next = [&](int k) {
    GstBuffer* tubelet = new_tubelet(format_, k * kHop, kHop);
    if (discont) GST_BUFFER_FLAG_SET(tubelet, GST_BUFFER_FLAG_DISCONT);
    if (!with_meta)
      gst_buffer_foreach_meta(
          tubelet,
          [](GstBuffer*, GstMeta** meta, gpointer) -> gboolean {
            *meta = nullptr;
            return TRUE;
          },
          nullptr);
    gst_harness_push(harness_.get(), tubelet);
    return pull();
  };
  EXPECT_EQ(push_next(5).missing, 1);
  EXPECT_FALSE(push_next(6).warming) << "a queue lost another region's; the epoch is the same";
  with_meta = discont = false;
  for (int k : {7, 8, 9}) push_next(k);
  EXPECT_FALSE(push_next(10).warming);
  discont = true;
  EXPECT_TRUE(push_next(11).warming) << "nothing but the flag could say that it is another picture";
}

TEST_F(MoneVivit, RegionsHaveWindowsOfTheirOwn) {
  start();
  TubeletMeta one, two;
  one.region = 1;
  two.region = 2;
  for (int k : {1, 2, 3}) score(k, one);
  EXPECT_FALSE(score(4, one).warming);
  EXPECT_TRUE(score(4, two).warming);
  GstStructure* stats = nullptr;
  g_object_get(vivit_, "stats", &stats, nullptr);
  guint regions = 0;
  gst_structure_get_uint(stats, "regions", &regions);
  EXPECT_EQ(regions, 2u);
  gst_structure_free(stats);
  score(12, two);
  g_object_get(vivit_, "stats", &stats, nullptr);
  gst_structure_get_uint(stats, "regions", &regions);
  EXPECT_EQ(regions, 1u) << "the one that stayed away is forgotten";
  gst_structure_free(stats);
}

TEST_F(MoneVivit, TubeletsOfOneMomentAreInLineTogether) {
  start();
  const auto of = [](unsigned region, int following) {
    TubeletMeta meta;
    meta.region = region;
    meta.following = following;
    return meta;
  };
  EXPECT_EQ(push(1, of(1, 2)), GST_FLOW_OK);
  EXPECT_EQ(push(1, of(2, 1)), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_buffers_in_queue(harness_.get()), 0u) << "two more come right away";
  EXPECT_EQ(push(1, of(3, 0)), GST_FLOW_OK);
  for (unsigned region : {1u, 2u, 3u}) EXPECT_EQ(pull().region, region);

  // The last one of a moment was lost on the way: the next moment settles those that wait.
  EXPECT_EQ(push(2, of(1, 1)), GST_FLOW_OK);
  EXPECT_EQ(push(3, of(1, 1)), GST_FLOW_OK);
  EXPECT_EQ(pull().region, 1u);
  EXPECT_EQ(last_pts_, 2 * kHop);
  // And the end settles what no moment follows.
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  EXPECT_EQ(pull().region, 1u);
  EXPECT_EQ(last_pts_, 3 * kHop);
}

TEST_F(MoneVivit, TheSamePixelsGiveTheSameScoresAfterARestart) {
  start();
  for (int k : {1, 2, 3}) score(k);
  const auto first = logits_;
  for (int k : {1, 2, 3}) score(k);
  EXPECT_EQ(first, logits_);
}

TEST_F(MoneVivit, TakesExactlyTheTubeletsOfItsModel) {
  start();
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit_, "sink"));
  const auto caps = Owned<GstCaps>::adopt(gst_pad_query_caps(pad.get(), nullptr));
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), tubelet_caps_any_crop(format_).get()));
}

TEST_F(MoneVivit, WrongTubeletsGetAnErrorThatSaysWhatItTakes) {
  start();
  TubeletFormat other = format_;
  other.width = 64;
  other.height = 64;
  gst_harness_set_src_caps(harness_.get(), tubelet_caps(other).release());
  EXPECT_NE(push(1), GST_FLOW_OK);
  const auto errors = messages(bus_.get(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(error_text(errors[0].get()).find("width=(int)20"), std::string::npos)
      << error_text(errors[0].get());

  gst_harness_set_src_caps(harness_.get(), tubelet_caps(format_).release());
  EXPECT_TRUE(score(1).warming) << "and goes on when they fit again";
}

TEST_F(MoneVivit, ATubeletOfTheWrongSizeIsAnErrorAndNotACrash) {
  start();
  gst_harness_push(harness_.get(), gst_buffer_new_allocate(nullptr, 7, nullptr));
  EXPECT_EQ(messages(bus_.get(), GST_MESSAGE_ERROR).size(), 1u);
}

TEST_F(MoneVivit, WorksAgainAfterEosAndAfterFiftyStateCycles) {
  start();
  score(1);
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  for (int i = 0; i < 50; ++i) {
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_NULL), GST_STATE_CHANGE_FAILURE);
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }
  gst_harness_push_event(harness_.get(), gst_event_new_stream_start("again"));
  gst_harness_push_event(harness_.get(), gst_event_new_caps(tubelet_caps(format_).get()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_TRUE(score(1).warming);
}

/// Expects READY to fail with one error that has `word`.
void expect_refused(const std::string& properties, const std::string& word) {
  const auto vivit = Owned<GstElement>::adopt(
      GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(("monevivit " + properties).c_str(), nullptr))));
  const auto bus = give_bus(vivit.get());
  EXPECT_EQ(gst_element_set_state(vivit.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto errors = messages(bus.get(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(error_text(errors[0].get()).find(word), std::string::npos) << error_text(errors[0].get());

  g_object_set(vivit.get(), "model", tiny_model().c_str(), "backend", "reference", nullptr);
  EXPECT_EQ(gst_element_set_state(vivit.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(vivit.get(), GST_STATE_NULL);
  gst_element_set_bus(vivit.get(), nullptr);
}

TEST_F(MoneVivit, AMissingModelIsOneErrorThatNamesTheFile) {
  expect_refused("model=/nowhere/model.safetensors", "/nowhere/model.safetensors");
}

TEST_F(MoneVivit, ATruncatedModelIsOneErrorThatNamesTheFile) {
  const std::string path = testing::TempDir() + "truncated.safetensors";
  std::ifstream in(tiny_model(), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  expect_refused("model=\"" + path + "\"", "truncated.safetensors");
  std::remove(path.c_str());
}

TEST_F(MoneVivit, AnUnknownBackendIsOneErrorThatNamesIt) {
  expect_refused("backend=abacus model=\"" + tiny_model() + "\"", "abacus");
}

TEST_F(MoneVivit, AHuggingFaceFolderIsAModel) {
  start(MONE_GOLDEN_DIR "/hf_joint_v5");
  g_object_set(vivit_, "budget", 0.25, nullptr);
  const ScoresMeta scores = score(1);
  EXPECT_EQ(logits_.size(), 5u);
  EXPECT_EQ(scores.realised, 1) << "plain: there is no cheaper way";
}

TEST(EngineCache, ThoseWhoAskForTheSameShareOneEngine) {
  EngineOptions options;
  options.backend = "reference";
  const auto a = shared_engine(tiny_model(), options).value();
  EXPECT_EQ(a, shared_engine(tiny_model(), options).value());
  EXPECT_NE(a, shared_engine(tiny_model("fe_e5"), options).value());
  options.deterministic = true;
  EXPECT_NE(a, shared_engine(tiny_model(), options).value());
  EXPECT_FALSE(shared_engine(tiny_model(), options, {.hf_compat = true})) << "a file has no preprocessor";
}

}  // namespace
}  // namespace mone
