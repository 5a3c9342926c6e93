// agree [quick]: the cuda backend against `reference`, batches against single pushes, run against run, and
// memory. `quick` is for compute-sanitizer: every kernel of ours but FinishSums, few steps. One line a check,
// exit code 1 if one fails.
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <tuple>

#include "engine/engine.h"
#include "tests/gpu/choices.h"
#include "tests/gpu/models.h"
#include "tests/numbers.h"

namespace mone {
namespace {

constexpr double kLadder[] = {1, .95, .85, .8, .75, .65, .55, .5, .45, .4, .35, .3, .25, .2, .15, .125};
int failures = 0;

void report(const std::string& check, bool good, const std::string& figures) {
  std::printf("%s  %s  %s\n", good ? "ok    " : "FAILED", check.c_str(), figures.c_str());
  std::fflush(stdout);
  failures += !good;
}

struct Answer {
  std::vector<float> logits;
  std::vector<std::uint8_t> experts;
  bool operator==(const Answer&) const = default;
};

Answer answer_of(const Prediction& p) {
  return {{p.logits.begin(), p.logits.end()}, {p.experts.begin(), p.experts.end()}};
}

using Pixels = std::vector<std::vector<std::uint8_t>>;

Pixels pixels_of(const ModelConfig& config, int count) {
  Pixels pixels;
  for (int i = 0; i < count; ++i) pixels.push_back(test::random_tubelet(config, 1000 + i));
  return pixels;
}

std::shared_ptr<Engine> make(const test::TinyModel& tiny, const char* backend, DType dtype,
                             bool deterministic = false) {
  const auto model = Model::load(test::write_model(tiny));
  if (!model) throw ConfigError(model.error().text);
  const auto engine = Engine::create(model.value(), {backend, dtype, 0, deterministic});
  if (!engine) throw ConfigError(engine.error().text);
  return engine.value();
}

/// One step of `count` new streams as a batch: tubelet i at budget budgets[i].
std::vector<Answer> batch(Engine& engine, const Pixels& pixels, const std::vector<double>& budgets) {
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<StreamPush> pushes;
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    streams.push_back(engine.new_stream());
    pushes.push_back({streams.back().get(), {pixels[i % pixels.size()]}, budgets[i]});
  }
  engine.push(pushes);
  std::vector<Answer> answers;
  for (const StreamPush& push : pushes) answers.push_back(answer_of(*push.prediction));
  return answers;
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

/// What the reference says of tubelet `index` at a budget, computed once.
class Reference {
 public:
  const Answer& answer(const test::TinyModel& model, DType dtype, const Pixels& pixels, int index,
                       double budget) {
    // The reference has no half precision: there f32 is the truth, and logits are as near as bf16's must be.
    if (dtype == DType::kF16) dtype = DType::kF32;
    const ModelConfig& c = model.config;
    const Key of = {static_cast<int>(c.variant), c.E, c.H, static_cast<int>(dtype)};
    if (!engines_[of]) engines_[of] = make(model, "reference", dtype);
    const auto found = answers_.find({of, index, budget});
    if (found != answers_.end()) return found->second;
    const auto stream = engines_[of]->new_stream();
    return answers_[{of, index, budget}] = answer_of(stream->push({pixels[index]}, budget));
  }

 private:
  using Key = std::array<int, 4>;  // all that these models differ in
  std::map<Key, std::shared_ptr<Engine>> engines_;
  std::map<std::tuple<Key, int, double>, Answer> answers_;
};

/// Every budget of the ladder, each in a batch of `items`, against the reference alone. Experts in f32 are
/// exact but for ties within rounding, which random weights do not have; in bf16 an embedding's rounding may
/// flip near ties, so logits are compared where experts agree.
void compare_with_reference(const std::string& name, const test::TinyModel& model, DType dtype, int items,
                            int budgets) {
  static Reference reference;
  const auto cuda = make(model, "cuda", dtype);
  const Pixels pixels = pixels_of(model.config, 4);
  double largest = 0, smallest_cosine = 1;
  int tokens = 0, different = 0, compared = 0, answers = 0;
  for (int b = 0; b < budgets; ++b) {
    std::vector<double> asked;
    for (int i = 0; i < items; ++i) asked.push_back(kLadder[(b + i / 4) % 16]);
    const auto got = batch(*cuda, pixels, asked);
    // Tubelets repeat every four and budgets too, so that the reference runs each pair once.
    for (int i = 0; i < items; i += std::max(1, items / 4)) {
      const Answer& expected = reference.answer(model, dtype, pixels, i % 4, asked[i]);
      int flipped = 0;
      for (std::size_t t = 0; t < expected.experts.size(); ++t)
        flipped += expected.experts[t] != got[i].experts[t];
      tokens += static_cast<int>(expected.experts.size());
      different += flipped;
      ++answers;
      if (flipped) continue;
      ++compared;
      largest = std::max<double>(largest, test::largest_difference(got[i].logits, expected.logits));
      smallest_cosine = std::min<double>(smallest_cosine, test::cosine(got[i].logits, expected.logits));
    }
  }
  const bool f32 = dtype == DType::kF32;
  const bool close = f32 ? largest <= 1e-4 : largest <= 0.1 && smallest_cosine >= 0.9995;
  const bool routed = f32 ? different == 0 : different <= tokens / 200;
  report(name + " " + to_name(dtype) + " batch " + std::to_string(items), close && routed && compared > 0,
         "largest difference " + figure(largest) + ", cosine " + std::to_string(smallest_cosine) +
             ", experts " + std::to_string(different) + " of " + std::to_string(tokens) + " differ, " +
             std::to_string(compared) + " of " + std::to_string(answers) + " answers compared");
}

/// Bits: twice in a row, recorded or not, and whoever shares the batch.
void compare_bits(const std::string& name, const test::TinyModel& model, DType dtype,
                  std::vector<int> sizes) {
  const auto engine = make(model, "cuda", dtype, true);
  // Without `deterministic` other kernels may be chosen (MONE_CUDA_PRODUCTS): run to run they owe the same
  // bits.
  const auto usual = make(model, "cuda", dtype);
  const Pixels pixels = pixels_of(model.config, 8);
  std::vector<Answer> alone;
  for (int i = 0; i < 8; ++i) alone.push_back(batch(*engine, {pixels[i]}, {kLadder[i * 2]})[0]);
  int again = 0, together = 0;
  std::vector<double> eight;
  for (int i = 0; i < 8; ++i) eight.push_back(kLadder[i * 2]);
  const auto first = batch(*usual, pixels, eight);
  for (int round = 0; round < 3; ++round) {
    const auto next = batch(*usual, pixels, eight);
    for (int i = 0; i < 8; ++i) again += next[i] != first[i];
  }
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 8; ++i) again += batch(*engine, {pixels[i]}, {kLadder[i * 2]})[0] != alone[i];
  for (const int size : sizes) {
    std::vector<double> budgets;
    for (int i = 0; i < size; ++i) budgets.push_back(kLadder[i % 8 * 2]);
    for (int round = 0; round < 3; ++round) {
      const auto got = batch(*engine, pixels, budgets);
      for (int i = 0; i < size; ++i) together += got[i] != alone[i % 8];
    }
  }
  report(name + " " + to_name(dtype) + " run to run", again == 0,
         std::to_string(again) + " answers differ in a bit");
  report(name + " " + to_name(dtype) + " whoever shares the batch", together == 0,
         std::to_string(together) + " answers differ in a bit");
}

/// Each way of attention and products that there is here, alone and in batches whose items lie in one piece
/// (budget 1) and among each other.
void compare_choices() {
  for (const test::Choice& choice : test::kChoices) {
    const test::ChoiceSetting setting(choice);
    std::string why_not;
    set_log_sink([&](int, const std::string& line) {
      if (line.find(", not ") != std::string::npos) why_not = line;
    });
    make(test::small_fe(4), "cuda", DType::kBf16);
    set_log_sink({});
    if (!why_not.empty()) {
      report(choice.name, true, "not here: " + why_not);
      continue;
    }
    const std::string name = std::string(choice.name) + ": ";
    for (const DType dtype : {DType::kBf16, DType::kF16}) {
      for (const int items : {1, 4, 16})
        compare_with_reference(name + "FE, 4 experts,", test::small_fe(4), dtype, items, 4);
      compare_with_reference(name + "plain FE,", test::small_fe(1), dtype, 16, 1);
      compare_with_reference(name + "joint, 4 experts,", test::small_joint(4), dtype, 1, 4);
      compare_with_reference(name + "FE, heads of 128,", test::wide_heads(test::small_fe(4)), dtype, 4, 2);
    }
    compare_bits(name + "small FE", test::small_fe(4), DType::kBf16, {16});
  }
}

/// Free memory of the device, MiB, by the driver; -1 where there is none.
double free_device_mib() {
  static void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  using Function = int (*)(std::size_t*, std::size_t*);
  static const auto function =
      driver ? reinterpret_cast<Function>(dlsym(driver, "cuMemGetInfo_v2")) : nullptr;
  std::size_t free = 0, total = 0;
  return function && function(&free, &total) == 0 ? static_cast<double>(free) / (1 << 20) : -1;
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * 4 / 1024;
}

void run_long(const test::TinyModel& model, int steps) {
  const auto engine = make(model, "cuda", DType::kBf16);
  const Pixels pixels = pixels_of(model.config, 4);
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(engine->new_stream());
  double device = 0, host = 0;
  for (int step = 0; step < steps; ++step) {
    if (step == steps / 2) device = free_device_mib(), host = resident_mib();
    if (random() % 16 == 0) streams[random() % 8] = engine->new_stream();
    std::vector<StreamPush> pushes;
    const auto count = step < 8 ? 8u : 1 + random() % 8;
    for (unsigned i = 0; i < count; ++i)
      pushes.push_back({streams[i].get(), {pixels[random() % 4]}, kLadder[random() % 16]});
    engine->push(pushes);
  }
  const double device_growth = device - free_device_mib(), host_growth = resident_mib() - host;
  report(std::to_string(steps) + " random steps", device_growth <= 4 && host_growth <= 8,
         "growth in the second half: device " + std::to_string(device_growth) + " MiB, host " +
             std::to_string(host_growth) + " MiB");
}

int run(bool quick) {
  if (quick) {
    for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
      const auto engine = make(test::tiny_fe(), "cuda", dtype);
      const auto joint = make(test::tiny_joint(), "cuda", dtype);
      const Pixels pixels = pixels_of(engine->model().config(), 3);
      const Pixels clip = pixels_of(joint->model().config(), 3);
      for (int round = 0; round < 3; ++round) {
        batch(*engine, pixels, {1, 0.3, 0.5});
        batch(*joint, clip, {0.4});
      }
    }
    for (const DType dtype : {DType::kBf16, DType::kF16}) {
      batch(*make(test::wide_heads(test::small_fe(2)), "cuda", dtype), pixels_of(test::small_fe(2).config, 2),
            {1, .4});
      const auto wide = make(test::small_fe(4), "cuda", dtype);
      // 16 at once fill a large device with large tiles, 3 do not.
      for (const int items : {3, 16}) {
        std::vector<double> budgets;
        for (int i = 0; i < items; ++i) budgets.push_back(kLadder[i % 3 * 5]);
        for (int round = 0; round < 2; ++round) batch(*wide, pixels_of(wide->model().config(), 3), budgets);
      }
    }
    report("quick", true, "ran");
    return 0;
  }
  for (const DType dtype : {DType::kF32, DType::kBf16}) {
    for (int experts = 1; experts <= 5; ++experts)
      compare_with_reference("FE, " + std::to_string(experts) + " experts,", test::small_fe(experts), dtype,
                             1, experts == 4 ? 16 : 6);
    for (const int items : {2, 5, 16, 64})
      compare_with_reference("FE, 4 experts,", test::small_fe(4), dtype, items, 4);
    compare_with_reference("FE, heads of 128,", test::wide_heads(test::small_fe(4)), dtype, 5, 4);
    for (const int experts : {1, 4})
      compare_with_reference("joint, " + std::to_string(experts) + " experts,", test::small_joint(experts),
                             dtype, 2, 4);
  }
  for (const int items : {4, 16})
    compare_with_reference("FE, 4 experts,", test::small_fe(4), DType::kF16, items, 4);
  compare_choices();
  compare_bits("small FE", test::small_fe(4), DType::kF32, {2, 16, 64});
  compare_bits("small FE", test::small_fe(4), DType::kBf16, {2, 16, 64});
  compare_bits("ViViT-B FE", test::vivit_b(), DType::kBf16, {3, 32});
  run_long(test::tiny_fe(), 10000);
  std::printf("%d checks failed\n", failures);
  return failures != 0;
}

}  // namespace
}  // namespace mone

int main(int count, char** arguments) {
  try {
    return mone::run(count > 1 && !std::strcmp(arguments[1], "quick"));
  } catch (const std::exception& error) {
    std::printf("FAILED  %s\n", error.what());
    return 1;
  }
}
