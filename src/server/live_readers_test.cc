#include "server/live_readers.h"

#include <gtest/gtest.h>

#include <vector>

namespace tocsin {
namespace {

// A connection that takes frames at once, later, or not at all.
class FakeSocket : public LiveSocket {
 public:
  Sent Send(const LiveBytes& bytes) override {
    EXPECT_FALSE(closed);
    EXPECT_FALSE(waiting) << "a frame before the one before it was gone";
    if (broken) return Sent::kFailed;
    frames.push_back(*bytes);
    waiting = slow;
    return slow ? Sent::kLater : Sent::kDone;
  }
  void SetOnSent(std::function<void(bool ok)> on_sent) override { on_sent_ = std::move(on_sent); }
  void Close() override { closed = true; }

  void Finish(bool ok = true) {
    waiting = false;
    on_sent_(ok);
  }

  bool slow = false;
  bool broken = false;
  bool waiting = false;
  bool closed = false;
  std::vector<std::string> frames;

 private:
  std::function<void(bool)> on_sent_;
};

LiveFrame Frame(const std::string& text) {
  return LiveEncoder().Encode(text);
}

class LiveReadersTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeSocket> Join(bool slow = false, std::uint64_t from = 0) {
    auto socket = std::make_shared<FakeSocket>();
    socket->slow = slow;
    readers_.Add(socket, {.from = from, .form = {}});
    return socket;
  }

  ManualClock clock_{1};
  LiveReaders readers_{clock_, 30'000'000};
};

using Frames = std::vector<std::string>;

TEST_F(LiveReadersTest, EveryReaderGetsTheSameFrames) {
  const auto a = Join();
  const auto b = Join();
  readers_.Tick(Frame("t1"));
  readers_.Queue(1, Frame("q1"));
  EXPECT_EQ(a->frames, (Frames{"t1", "q1"}));
  EXPECT_EQ(b->frames, a->frames);
}

TEST_F(LiveReadersTest, EachReaderGetsTheFormItAskedFor) {
  const auto all = Join();
  const auto few = std::make_shared<FakeSocket>();
  readers_.Add(few, {.form = {.details = false}});
  const auto zipped = std::make_shared<FakeSocket>();
  readers_.Add(zipped, {.form = {.gzip = true}});
  const LiveFrame frame = LiveEncoder().Encode("tick", " details");
  readers_.Tick(frame);
  EXPECT_EQ(all->frames, Frames{"tick details"});
  EXPECT_EQ(few->frames, Frames{"tick"});
  EXPECT_EQ(zipped->frames, Frames{*frame.In({.details = true, .gzip = true})});
}

TEST_F(LiveReadersTest, ASlowReaderGetsTheNewestTickAndIsToldOfTheOthers) {
  const auto slow = Join(true);
  readers_.Tick(Frame("t1"));
  for (int i = 2; i <= 5; ++i) readers_.Tick(Frame("t" + std::to_string(i)));
  EXPECT_EQ(slow->frames, Frames{"t1"});
  slow->Finish();
  slow->Finish();
  slow->Finish();
  EXPECT_EQ(slow->frames, (Frames{"t1", "event: skipped\ndata: {\"skipped\":3}\n\n", "t5"}));
  EXPECT_EQ(readers_.counts().skipped, 3u);
}

TEST_F(LiveReadersTest, QueuedFramesAreNotLeftOut) {
  const auto slow = Join(true);
  readers_.Tick(Frame("t1"));
  readers_.Queue(1, Frame("q1"));
  readers_.Tick(Frame("t2"));
  readers_.Queue(2, Frame("q2"));
  for (int i = 0; i < 4; ++i) slow->Finish();
  EXPECT_EQ(slow->frames, (Frames{"t1", "q1", "q2", "t2"}));
}

TEST_F(LiveReadersTest, WhoHasTooManyFramesWaitingIsDroppedAndOthersAreNot) {
  const auto slow = Join(true);
  const auto good = Join();
  for (std::size_t i = 1; i <= LiveReaders::kMaxQueue + 1; ++i) readers_.Queue(i, Frame("q"));
  EXPECT_FALSE(slow->closed);
  readers_.Queue(9'999, Frame("q"));
  EXPECT_TRUE(slow->closed);
  EXPECT_FALSE(good->closed);
  EXPECT_EQ(good->frames.size(), LiveReaders::kMaxQueue + 2);
  EXPECT_EQ(readers_.counts().dropped, 1u);
  EXPECT_EQ(readers_.counts().readers, 1u);
}

TEST_F(LiveReadersTest, WhoTakesNothingForTooLongIsDropped) {
  const auto slow = Join(true);
  readers_.Tick(Frame("t1"));
  clock_.Advance(30'000'000);
  readers_.Sweep();
  EXPECT_FALSE(slow->closed);
  clock_.Advance(1);
  readers_.Sweep();
  EXPECT_TRUE(slow->closed);
}

TEST_F(LiveReadersTest, AConnectionThatBreaksIsForgotten) {
  const auto broken = Join();
  broken->broken = true;
  const auto late = Join(true);
  readers_.Tick(Frame("t1"));
  EXPECT_TRUE(broken->closed);
  late->Finish(false);
  EXPECT_TRUE(late->closed);
  EXPECT_EQ(readers_.counts().readers, 0u);
  EXPECT_EQ(readers_.counts().dropped, 0u);
}

TEST_F(LiveReadersTest, AReaderGetsTheQueuedFramesSinceItsPlace) {
  for (std::uint64_t i = 1; i <= 5; ++i) readers_.Queue(i, Frame(std::to_string(i)));
  EXPECT_EQ(Join(false, 3)->frames, (Frames{"4", "5"}));
  EXPECT_EQ(Join(false, 5)->frames, Frames{});
}

TEST_F(LiveReadersTest, SilenceIsFilledWithHeartbeats) {
  const auto reader = Join();
  clock_.Advance(LiveReaders::kHeartbeatUs);
  readers_.Sweep();
  EXPECT_TRUE(reader->frames.empty());
  clock_.Advance(1);
  readers_.Sweep();
  readers_.Sweep();
  EXPECT_EQ(reader->frames, Frames{": still here\n\n"});
}

TEST_F(LiveReadersTest, WhoMayNoLongerReadIsClosed) {
  bool allowed = true;
  const auto socket = std::make_shared<FakeSocket>();
  readers_.Add(socket, {.form = {}, .allowed = [&] { return allowed; }});
  readers_.Sweep();
  EXPECT_FALSE(socket->closed);
  allowed = false;
  readers_.Sweep();
  EXPECT_TRUE(socket->closed);
}

}  // namespace
}  // namespace tocsin
