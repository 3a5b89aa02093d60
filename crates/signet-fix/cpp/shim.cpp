// Gives a FIX::Session that quickfix-rs created a wire and a store that Rust owns.
//
// quickfix-rs starts sockets of QuickFIX's own and offers no way to hand it a byte stream or a
// message store written in Rust. Both are public extension points of the C++ engine
// (FIX::Responder, FIX::MessageStoreFactory); this file reaches them, and nothing else.
//
// Every function may be called from one thread only, the one that owns the session. No exception
// leaves this file: 0 is success, -1 failure (see qfs_last_error), -2 a message that is no FIX, -3 one that
// the engine reads otherwise than the caller.
#include "DataDictionary.h"
#include "DataDictionaryProvider.h"
#include "Exceptions.h"
#include "MessageStore.h"
#include "Message.h"
#include "Responder.h"
#include "Session.h"
#include "SessionID.h"
#include "SessionState.h"
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>
#if defined(__linux__)
#include <time.h>
#endif

namespace {

thread_local std::string last_error;

template <class F> int guarded(F &&f) {
  try {
    f();
    return 0;
  } catch (const FIX::InvalidMessage &e) {
    last_error = e.what();
    return -2;
  } catch (const std::exception &e) {
    last_error = e.what();
    return -1;
  } catch (...) {
    last_error = "unknown C++ exception";
    return -1;
  }
}

} // namespace

extern "C" {

struct WireTable {
  int8_t (*send)(void *, const char *, size_t);
  void (*close)(void *);
};

struct StoreTable {
  int8_t (*set)(void *, uint64_t, const char *, size_t);
  // Calls `sink(sink_ctx, data, len)` once per message, in order of sequence number.
  int8_t (*get)(void *, uint64_t, uint64_t, void *sink_ctx, void (*sink)(void *, const char *, size_t));
  uint64_t (*next_sender)(void *);
  uint64_t (*next_target)(void *);
  int8_t (*set_next_sender)(void *, uint64_t);
  int8_t (*set_next_target)(void *, uint64_t);
  int64_t (*created_s)(void *);
  int8_t (*reset)(void *, int64_t now_s);
};

// A field's tag, and where its value lies in the bytes that come with it.
struct Field {
  uint32_t tag;
  uint32_t start;
  uint32_t len;
};
}

namespace {

struct Wire final : FIX::Responder {
  FIX::Session *session = nullptr;
  void *ctx = nullptr;
  WireTable table{};
  // Both clocks when they were last seen to agree, in microseconds; see qfs_look.
  bool looked = false;
  int64_t steady_us = 0;
  int64_t wall_us = 0;
  bool send(const std::string &s) override { return table.send(ctx, s.data(), s.size()) == 1; }
  void disconnect() override { table.close(ctx); }
};

struct Store final : FIX::MessageStore {
  void *ctx;
  StoreTable t;
  Store(void *ctx, const StoreTable &t) : ctx(ctx), t(t) {}

  static void check(int8_t rc) {
    if (rc != 0) throw FIX::IOException("the message store failed");
  }
  static void collect(void *v, const char *p, size_t n) {
    static_cast<std::vector<std::string> *>(v)->emplace_back(p, n);
  }
  bool set(FIX::SEQNUM n, const std::string &m) EXCEPT(FIX::IOException) override {
    check(t.set(ctx, n, m.data(), m.size()));
    return true;
  }
  void get(FIX::SEQNUM b, FIX::SEQNUM e, std::vector<std::string> &out) const EXCEPT(FIX::IOException) override {
    out.clear();
    check(t.get(ctx, b, e, &out, collect));
  }
  FIX::SEQNUM getNextSenderMsgSeqNum() const EXCEPT(FIX::IOException) override { return t.next_sender(ctx); }
  FIX::SEQNUM getNextTargetMsgSeqNum() const EXCEPT(FIX::IOException) override { return t.next_target(ctx); }
  void setNextSenderMsgSeqNum(FIX::SEQNUM n) EXCEPT(FIX::IOException) override { check(t.set_next_sender(ctx, n)); }
  void setNextTargetMsgSeqNum(FIX::SEQNUM n) EXCEPT(FIX::IOException) override { check(t.set_next_target(ctx, n)); }
  void incrNextSenderMsgSeqNum() EXCEPT(FIX::IOException) override {
    check(t.set_next_sender(ctx, t.next_sender(ctx) + 1));
  }
  void incrNextTargetMsgSeqNum() EXCEPT(FIX::IOException) override {
    check(t.set_next_target(ctx, t.next_target(ctx) + 1));
  }
  FIX::UtcTimeStamp getCreationTime() const EXCEPT(FIX::IOException) override {
    return FIX::UtcTimeStamp(static_cast<time_t>(t.created_s(ctx)), 0, 0);
  }
  void reset(const FIX::UtcTimeStamp &now) EXCEPT(FIX::IOException) override {
    check(t.reset(ctx, static_cast<int64_t>(now.getTimeT())));
  }
  void refresh() EXCEPT(FIX::IOException) override {}
};

struct StoreFactory final : FIX::MessageStoreFactory {
  void *ctx;
  StoreTable t;
  StoreFactory(void *ctx, const StoreTable &t) : ctx(ctx), t(t) {}
  FIX::MessageStore *create(const FIX::UtcTimeStamp &, const FIX::SessionID &) override { return new Store(ctx, t); }
  void destroy(FIX::MessageStore *s) override { delete s; }
};

constexpr int64_t NANOS_PER_US = 1000;
constexpr int64_t US_PER_DAY = FIX::DateTime::NANOS_PER_DAY / NANOS_PER_US;
// Clocks that part by less than this may have been read at different moments.
constexpr int64_t STEP_US = 100 * 1000;

int64_t us_since_1970(const FIX::DateTime &t) {
  return (t.m_date - FIX::DateTime::JULIAN_19700101) * US_PER_DAY + t.m_time / NANOS_PER_US;
}

// Moves a moment along with the clock it was read from, never beyond that clock's now.
void move(FIX::UtcTimeStamp &moment, int64_t by_us, int64_t now_us) {
  const int64_t us = std::min(us_since_1970(moment) + by_us, now_us);
  const int64_t day = us / US_PER_DAY - (us % US_PER_DAY < 0 ? 1 : 0);
  moment.set(static_cast<int>(day + FIX::DateTime::JULIAN_19700101), (us - day * US_PER_DAY) * NANOS_PER_US);
}

void check(const Field &f, size_t size) {
  if (f.start > size || f.len > size - f.start) throw std::runtime_error("a field lies outside its message");
}

// Puts fields into a message as FIX::Message::setString does with text: header and trailer fields to
// their places, groups by the dictionary. Rust has cut or made the fields already; to have text parsed
// here again cost as much as all else the engine does with a message.
class Fill {
  const FIX::DataDictionary &dictionary;
  const Field *next;
  const Field *const end;
  const char *const bytes;
  const size_t size;
  // One of each for all fields: the engine's containers copy them anyway.
  std::string text;
  FIX::FieldBase field{0, std::string()};

public:
  const std::string type;

  Fill(const FIX::DataDictionary &dd, std::string type, const Field *fields, size_t count, const char *bytes, size_t size)
      : dictionary(dd), next(fields), end(fields + count), bytes(bytes), size(size), type(std::move(type)) {}

  // False when a header field comes after the body has begun, or a body field after the trailer has:
  // setString marks such a message for a reject, and nobody else can.
  bool message(FIX::Message &m) {
    bool ordered = true;
    int reached = 0;
    while (next != end) {
      const int tag = static_cast<int>(next->tag);
      const int part = FIX::Message::isHeaderField(tag, &dictionary) ? 0 : FIX::Message::isTrailerField(tag, &dictionary) ? 2 : 1;
      ordered = ordered && part >= reached;
      reached = part;
      if (part == 0) {
        one(m.getHeader(), "_header_");
      } else if (part == 2) {
        one(m.getTrailer(), "_trailer_");
      } else {
        one(m, type);
      }
    }
    return ordered;
  }

private:
  void one(FIX::FieldMap &map, const std::string &where) {
    const int tag = static_cast<int>(next->tag);
    take(map);
    group(tag, map, where, dictionary);
  }

  void take(FIX::FieldMap &map) {
    check(*next, size);
    text.assign(bytes + next->start, next->len);
    field.setTag(static_cast<int>(next->tag));
    field.setString(text);
    // Never overwriting: a tag that comes twice stays twice, and whoever checks says what it thinks.
    map.setField(field, false);
    ++next;
  }

  // The entries of the group that field `count` announces, if it is one in this message.
  void group(int count, FIX::FieldMap &map, const std::string &where, const FIX::DataDictionary &dd) {
    int first;
    const FIX::DataDictionary *members = nullptr;
    if (!dd.getGroup(where, count, first, members)) return;
    std::unique_ptr<FIX::Group> entry;
    const auto finish = [&] {
      if (entry) map.addGroupPtr(count, entry.release(), false);
    };
    while (next != end) {
      const int tag = static_cast<int>(next->tag);
      const bool member = members->isField(tag);
      if (tag == first || (member && (!entry || entry->isSetField(tag)))) {
        finish();
        entry = std::make_unique<FIX::Group>(count, first, members->getOrderedFields());
      } else if (!member) {
        break;
      }
      take(*entry);
      group(tag, *entry, where, *members);
    }
    finish();
  }
};

// An empty message, in memory that served the last one of this thread: an engine message reserves
// some kilobytes, which malloc's fast lists do not hold.
class Reused {
  static thread_local std::unique_ptr<FIX::Message> spare;
  std::unique_ptr<FIX::Message> held;

public:
  // A nested use finds no spare and makes its own.
  Reused() : held(spare ? std::move(spare) : std::make_unique<FIX::Message>()) {}
  ~Reused() {
    held->clear();
    spare = std::move(held);
  }
  Reused(const Reused &) = delete;
  Reused &operator=(const Reused &) = delete;
  FIX::Message &operator*() { return *held; }
};
thread_local std::unique_ptr<FIX::Message> Reused::spare;

// What our own messages are written by: groups and their order.
std::shared_ptr<FIX::DataDictionary> writing;

constexpr int LAST_TAG = 39999; // FIX 4.4 Volume 1: user defined fields end here.

// Every type of message that a dictionary may list: one or two letters or digits.
std::vector<std::string> types_of(const FIX::DataDictionary &dd) {
  const std::string letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::vector<std::string> types;
  const auto keep = [&](const std::string &type) {
    if (dd.isMsgType(type)) types.push_back(type);
  };
  for (const char a : letters) {
    keep(std::string(1, a));
    for (const char b : letters) keep({a, b});
  }
  return types;
}

// Has the orders of the groups of `dd` made, and of the groups within them.
void order_groups(const FIX::DataDictionary &dd, const std::vector<std::string> &places, const std::vector<int> &tags) {
  for (const std::string &place : places) {
    for (const int tag : tags) {
      int first;
      const FIX::DataDictionary *members = nullptr;
      if (!dd.getGroup(place, tag, first, members)) continue;
      members->getOrderedFields();
      order_groups(*members, {place}, tags);
    }
  }
}

// A dictionary makes a group's order of fields when it is first asked for it, behind a const function and
// without a lock. Threads share a dictionary here, so all orders are made before it is shared: after this,
// nothing in it changes. (It keeps no order of headers, trailers and messages unless it is told to.)
void order_all(const FIX::DataDictionary &dd) {
  std::vector<int> tags;
  for (int tag = 1; tag <= LAST_TAG; ++tag) {
    if (dd.isField(tag)) tags.push_back(tag);
  }
  std::vector<std::string> places = types_of(dd);
  places.insert(places.end(), {"_header_", "_trailer_"});
  order_groups(dd, places, tags);
}

std::shared_ptr<FIX::DataDictionary> parsed(const char *xml, size_t len) {
  std::istringstream stream(std::string(xml, len));
  auto dictionary = std::make_shared<FIX::DataDictionary>(stream);
  order_all(*dictionary);
  return dictionary;
}

const FIX::DataDictionary &dictionary_of(const Wire *w) {
  return w->session->getDataDictionaryProvider().getSessionDataDictionary(w->session->getSessionID().getBeginString());
}

} // namespace

extern "C" {

const char *qfs_last_error() { return last_error.c_str(); }

void *qfs_store_factory_new(void *ctx, const StoreTable *table) {
  // The caller hands the pointer on as a FIX::MessageStoreFactory*, so it must be one, not a
  // pointer to the derived class.
  FIX::MessageStoreFactory *f = nullptr;
  guarded([&] { f = new StoreFactory(ctx, *table); });
  return f;
}

void qfs_store_factory_delete(void *f) { delete static_cast<FIX::MessageStoreFactory *>(f); }

Wire *qfs_attach(const char *begin, const char *sender, const char *target, void *ctx, const WireTable *table) {
  Wire *w = nullptr;
  guarded([&] {
    FIX::Session *s = FIX::Session::lookupSession(FIX::SessionID(begin, sender, target));
    if (!s) throw std::runtime_error("no such session");
    w = new Wire;
    w->session = s;
    w->ctx = ctx;
    w->table = *table;
    s->logon(); // a Logout of ours disables the session; a new wire means it is wanted again
    s->setResponder(w);
  });
  return w;
}

// Gives a session its dictionary: the whole one when it is strict; otherwise `lenient`, which knows the
// session's own messages and no body of any other. One copy of each serves every session of the
// process: left to its settings, each session would parse and hold its own.
int qfs_use_dictionary(const char *begin, const char *sender, const char *target, const char *xml, size_t len,
                       const char *lenient, size_t lenient_len, int8_t strict) {
  static std::mutex mutex;
  static std::map<bool, std::shared_ptr<FIX::DataDictionary>> shared;
  return guarded([&] {
    FIX::Session *s = FIX::Session::lookupSession(FIX::SessionID(begin, sender, target));
    if (!s) throw std::runtime_error("no such session");
    std::lock_guard<std::mutex> lock(mutex);
    if (!writing) writing = parsed(xml, len);
    auto &dictionary = shared[strict != 0];
    if (!dictionary) {
      dictionary = strict ? parsed(xml, len) : parsed(lenient, lenient_len);
      dictionary->allowUnknownMsgFields(!strict);
      dictionary->checkUserDefinedFields(strict != 0);
    }
    FIX::DataDictionaryProvider provider;
    provider.addTransportDataDictionary(FIX::BeginString(begin), dictionary);
    provider.addApplicationDataDictionary(FIX::ApplVerID(FIX::Message::toApplVerID(FIX::BeginString(begin))), dictionary);
    s->setDataDictionaryProvider(provider);
  });
}

// The wire is gone: session-level disconnect without a reset, and no further callback to this wire.
void qfs_detach(Wire *w) {
  guarded([&] { w->session->disconnect(); });
  delete w;
}

// One whole FIX message from the peer. `fields` are those the engine is given; none when it has to read
// the text, and then it says what is wrong with it. `type` and `number` are what the caller read: a
// message of which the engine reads another number could be queued, and is not given to it (-3).
int qfs_receive(Wire *w, const char *msg, size_t len, const Field *fields, size_t count, const char *type,
                size_t type_len, uint64_t number) {
  int differs = 0;
  const int code = guarded([&] {
    const std::string wanted(type, type_len);
    const auto take = [&](const FIX::Message &m) {
      FIX::MsgSeqNum n;
      FIX::MsgType t;
      if (!m.getHeader().getFieldIfSet(n) || !m.getHeader().getFieldIfSet(t) || n.getValue() != number ||
          t.getString() != wanted) {
        differs = -3;
        return;
      }
      w->session->next(m, FIX::UtcTimeStamp::now());
    };
    if (count > 2) {
      Reused m;
      Fill fill(dictionary_of(w), wanted, fields, count, msg, len);
      if (fill.message(*m)) {
        take(*m);
        return;
      }
    }
    take(FIX::Message(std::string(msg, len), dictionary_of(w), true));
  });
  if (differs != 0) last_error = "the engine reads another type or number";
  return code != 0 ? code : differs;
}

// Microseconds on a clock that nobody sets and that goes on while the machine sleeps: a peer that was
// not heard for so long is silent, whether or not this end was awake.
int64_t qfs_steady_us() {
#if defined(__linux__)
  timespec t;
  if (clock_gettime(CLOCK_BOOTTIME, &t) == 0) {
    return static_cast<int64_t>(t.tv_sec) * 1000 * 1000 + t.tv_nsec / NANOS_PER_US;
  }
#endif
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

// The engine counts its timers on the wall clock. When that was set since the last look, the moments that
// the timers count from are moved along: else a clock that is set back by an hour keeps a Logon, a
// heartbeat or a Logout from timing out for an hour, and one that is set forward ends every session. To be
// called before whatever counts or restarts a timer.
int qfs_look(Wire *w, int64_t steady_us) {
  return guarded([&] {
    auto *state = dynamic_cast<FIX::SessionState *>(w->session->getLog());
    if (!state) throw std::runtime_error("the engine's session has no state of the known kind");
    const int64_t wall_us = us_since_1970(FIX::UtcTimeStamp::now());
    int64_t by_us = w->looked ? (wall_us - w->wall_us) - (steady_us - w->steady_us) : 0;
    if (w->looked && by_us > -STEP_US && by_us < STEP_US) {
      by_us = 0;
    } else {
      w->looked = true;
      w->steady_us = steady_us;
      w->wall_us = wall_us;
    }
    move(state->lastSentTime(), by_us, wall_us);
    move(state->lastReceivedTime(), by_us, wall_us);
  });
}

// Timers: logon, heartbeat, test request, time-outs.
int qfs_tick(Wire *w) {
  return guarded([&] { w->session->next(FIX::UtcTimeStamp::now()); });
}

// Sends one message given as its fields in order; header and trailer are the session's. `sent` tells
// whether it was taken.
int qfs_send(Wire *w, const char *type, size_t type_len, const Field *fields, size_t count, const char *bytes, size_t size,
             int8_t *sent) {
  *sent = 0;
  return guarded([&] {
    Reused m;
    Fill fill(*writing, std::string(type, type_len), fields, count, bytes, size);
    (*m).getHeader().setField(FIX::FieldBase(FIX::FIELD::MsgType, fill.type));
    fill.message(*m);
    *sent = w->session->send(*m) ? 1 : 0;
  });
}

int8_t qfs_is_logged_on(Wire *w) { return w->session->isLoggedOn() ? 1 : 0; }
uint64_t qfs_next_sender(Wire *w) { return w->session->getExpectedSenderNum(); }
uint64_t qfs_next_target(Wire *w) { return w->session->getExpectedTargetNum(); }
// Sends Logout at the next tick; the peer's answer, or the time-out, closes the wire.
int qfs_logout(Wire *w, const char *reason) {
  return guarded([&] { w->session->logout(reason); });
}
}
