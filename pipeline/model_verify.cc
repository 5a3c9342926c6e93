// mone model verify: is the file sound, and does every backend here compute the same with it?
#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>

#include "engine/agreement.h"
#include "pipeline/command_line.h"
#include "pipeline/model_commands.h"
#include "pipeline/open_engine.h"
#include "pipeline/table.h"

namespace mone {
namespace {

constexpr double kBudgets[] = {1, 0.25};  // one tubelet each: a dense step and a routed one

// For the agreement with f32, where the best label counts.
constexpr double kLabelBudgets[] = {1, 0.5, 0.25, 0.15};
constexpr int kPictures = 25;

/// Logits and experts of the two steps, one after the other.
struct Answer {
  std::vector<float> logits;
  std::vector<std::uint8_t> experts;
};

Answer answer_of(Engine& engine) {
  const ModelConfig& config = engine.model().config();
  const auto stream = engine.new_stream();
  std::minstd_rand random(1);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(config.tubelet_bytes()));
  Answer answer;
  Time begin{};
  for (const double budget : kBudgets) {
    if (budget < 1 && !engine.model().routed()) continue;  // the same again
    for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random() >> 8);
    const Prediction& p =
        stream->push({pixels, begin, begin + std::chrono::milliseconds(80), 6.25, 0}, budget);
    answer.logits.insert(answer.logits.end(), p.logits.begin(), p.logits.end());
    answer.experts.insert(answer.experts.end(), p.experts.begin(), p.experts.end());
    begin += std::chrono::milliseconds(160);
  }
  return answer;
}

/// How far an answer is from reference's (spec section 8.2).
struct Closeness {
  double max_difference = 0, cosine = 1;
  int other_experts = 0;

  bool good(DType dtype) const {  // int8: to the same whole numbers, so as near as bf16
    return dtype == DType::kF32 ? max_difference <= 1e-4 : max_difference <= 0.1 && cosine >= 0.9995;
  }
};

Closeness compare(const Answer& answer, const Answer& reference) {
  Closeness agreement;
  double dot = 0, square = 0, reference_square = 0;
  for (std::size_t i = 0; i < reference.logits.size(); ++i) {
    const double a = answer.logits[i], b = reference.logits[i];
    const double difference = std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : INFINITY;
    agreement.max_difference = std::max(agreement.max_difference, difference);
    dot += a * b, square += a * a, reference_square += b * b;
  }
  if (square > 0 && reference_square > 0) agreement.cosine = dot / std::sqrt(square * reference_square);
  for (std::size_t i = 0; i < reference.experts.size(); ++i) {
    agreement.other_experts += answer.experts[i] != reference.experts[i];
  }
  return agreement;
}

/// Checks of one model, a row each.
class Verification {
 public:
  explicit Verification(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  /// False if a backend disagrees.
  bool run(const EngineArguments& arguments) {
    const std::optional<DType> only = arguments.options().dtype;
    if (only) return run(arguments, *only);
    const bool f32 = run(arguments, DType::kF32), bf16 = run(arguments, DType::kBf16);
    return f32 && bf16;
  }

  void print(std::ostream& out) const { table_.print(out, "  "); }

 private:
  bool run(const EngineArguments& arguments, DType dtype) {
    EngineOptions options = arguments.options();
    options.backend = "reference";
    options.dtype = dtype;
    options.deterministic = true;
    const auto reference = Engine::create(model_, options);
    if (!reference) {
      table_.add({options.backend, to_name(dtype), "", "", "", "does not run: " + reference.error().text});
      return false;
    }
    const Answer expected = answer_of(*reference.value());
    bool good = true;
    for (const std::string& name : backend_names()) {
      options.backend = name;
      good &= check(options, expected);
    }
    return good;
  }

  bool check(const EngineOptions& options, const Answer& expected) {
    const auto engine = Engine::create(model_, options);
    if (!engine) {
      table_.add({options.backend, to_name(*options.dtype), "", "", "", "not here: " + engine.error().text});
      return true;
    }
    const Answer answer = answer_of(*engine.value());
    const bool repeats = answer_of(*engine.value()).logits == answer.logits;
    const Closeness agreement = compare(answer, expected);
    const bool good = agreement.good(*options.dtype) && repeats;
    table_.add({options.backend, to_name(*options.dtype), scientific(agreement.max_difference),
                fixed(agreement.cosine, 6), std::to_string(agreement.other_experts),
                !repeats ? "NOT REPEATABLE"
                : good   ? "agrees"
                         : "DISAGREES"});
    return good;
  }

  std::shared_ptr<const Model> model_;
  Table table_{{{"backend"},
                {"dtype"},
                {"largest difference", Align::kRight},
                {"cosine", Align::kRight},
                {"tokens elsewhere", Align::kRight},
                {"against reference"}}};
};

/// What a number format costs: the best backend's answers in it beside those in f32.
bool print_agreement_with_f32(const std::shared_ptr<const Model>& model, EngineOptions options) {
  const auto tested = Engine::create(model, options);
  options.dtype = DType::kF32;
  const auto judge = Engine::create(model, options);
  for (const auto* made : {&tested, &judge})
    if (!*made) {
      std::cerr << "mone: " << made->error().text << '\n';
      return false;
    }
  const Agreement a = compare_engines(*tested.value(), *judge.value(), kLabelBudgets, kPictures);
  std::cout << "  " << to_name(tested.value()->dtype()) << " beside f32, " << tested.value()->backend()
            << ", " << a.answers << " made-up tubelets at budgets 1 to 0.15: the same label "
            << fixed(100 * a.label_share(), 1) << " %, cosine at least " << fixed(a.cosine, 5)
            << ", largest difference " << scientific(a.largest_difference) << ", "
            << fixed(100 * double(a.tokens_elsewhere) / double(a.tokens), 2)
            << " % of the tokens elsewhere\n";
  return true;
}

}  // namespace

int model_verify_command(const Arguments& arguments) {
  EngineArguments engine_arguments;
  std::vector<std::string> models;
  CommandLine line(
      "model verify MODEL",
      "Checks a model file (sizes, names, every value finite), then runs two tubelets of noise, one at\n"
      "budget 1 and one at 0.25, on every backend of this machine and compares the logits with those\n"
      "of the plain loops in the same precision. With --dtype bf16 or int8, also how far that is from f32.\n"
      "Exits 1 if the file is unsound or a backend disagrees.");
  line.options()("dtype", boost::program_options::value(&engine_arguments.dtype)->value_name("TYPE"),
                 "f32, bf16 or int8 alone; default: f32 and bf16")(
      "threads", boost::program_options::value(&engine_arguments.threads)->value_name("N"),
      "threads of the engine; default: every core");
  ModelArguments wanted;
  ModelArguments::add_options_to(line, wanted.options);
  line.take_rest("MODEL", &models);
  if (!line.parse(arguments)) return kExitDone;
  if (models.size() != 1)
    throw UsageError("model verify takes one MODEL, not " + std::to_string(models.size()));
  const EngineOptions options = engine_arguments.options();
  wanted.model = models[0];
  log_engine_to_stderr();

  const auto model = open_model(wanted);
  if (!model) return kExitFailed;
  std::cout << model->path() << ": the file is sound (" << model->name() << ", sha-256 " << model->hash()
            << ")\n";
  Verification verification(model);
  const bool good = verification.run(engine_arguments);
  verification.print(std::cout);
  if (options.dtype && *options.dtype != DType::kF32 && !print_agreement_with_f32(model, options))
    return kExitFailed;
  return good ? kExitDone : kExitFailed;
}

}  // namespace mone
