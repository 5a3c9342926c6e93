#include "engine/feed.h"

#include "engine/batcher.h"
#include "engine/engine_impl.h"

namespace mone {
namespace {

StreamImpl& window_of(const EngineImpl& engine, Stream& stream) {
  auto& window = static_cast<StreamImpl&>(stream);
  if (&window.engine() != &engine) throw ConfigError("a feed takes streams of its own engine only");
  return window;
}

}  // namespace

FeedImpl::FeedImpl(std::shared_ptr<EngineImpl> engine, Batcher& batcher, const StreamTerms& terms)
    : engine_(std::move(engine)), batcher_(batcher) {
  batcher_.add(*this, terms);
}

FeedImpl::~FeedImpl() { batcher_.remove(*this); }

void FeedImpl::set(const StreamTerms& terms) { batcher_.set(*this, terms); }

void FeedImpl::submit(Stream& stream, const Submission& submission) {
  batcher_.submit(*this, window_of(*engine_, stream), submission);
}

Answer FeedImpl::wait(Stream& stream) { return batcher_.wait(window_of(*engine_, stream)); }

}  // namespace mone
