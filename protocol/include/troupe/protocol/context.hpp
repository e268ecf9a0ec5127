#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/value.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

struct context_node;

/// A persistent map from text to values: copying is O(1), a change is O(log n) and leaves every
/// copy alone, and two versions are compared in time that grows with their differences, not with
/// their size. A weight-balanced tree (Adams 1992) that shares what did not change.
class value_tree {
public:
  [[nodiscard]] const value* find(std::string_view key) const;
  void set(std::string_view key, value item);
  void erase(std::string_view key);
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }

  /// Visits every entry in the order of the keys.
  void for_each(const std::function<void(const std::string&, const value&)>& visit) const;
  [[nodiscard]] std::vector<std::string> keys() const;

  /// One key whose value differs; absent on one side means not there.
  struct change {
    std::string key;
    const value* before;
    const value* after;
  };
  /// The differences from `before` to `after`, in the order of the keys. The pointers live as long
  /// as both trees.
  [[nodiscard]] static std::vector<change> diff(const value_tree& before, const value_tree& after);

  /// True when both are the same version: O(1), and never true for different content.
  [[nodiscard]] bool same_version(const value_tree& other) const noexcept {
    return root_ == other.root_;
  }
  friend bool operator==(const value_tree& left, const value_tree& right);

private:
  std::shared_ptr<const context_node> root_;
};

/// What a run carries from step to step beside the data: named values, and who it belongs to.
///
/// Copying is O(1); a copy is a snapshot that later changes do not touch. Correlation id, causation
/// id, tags and metadata identify the work and are never part of a cache key.
class context {
public:
  context() = default;
  /// `data` is a map or null; its members become the entries.
  explicit context(std::string correlation_id, const value& data = {});

  /// The value under `key`, or null.
  [[nodiscard]] value get(std::string_view key) const;
  [[nodiscard]] const value* find(std::string_view key) const { return data_.find(key); }
  [[nodiscard]] bool contains(std::string_view key) const { return data_.find(key) != nullptr; }
  void set(std::string_view key, value item) { data_.set(key, std::move(item)); }
  void erase(std::string_view key) { data_.erase(key); }
  [[nodiscard]] std::size_t size() const noexcept { return data_.size(); }
  [[nodiscard]] const value_tree& data() const noexcept { return data_; }
  /// All entries as one map value.
  [[nodiscard]] value to_value() const;

  /// Everything but the entries as one plain value, for another process; null when there is
  /// nothing.
  [[nodiscard]] value identity_to_value() const;
  /// Puts together what `identity_to_value` and `to_value` took apart. What is no such value counts
  /// as nothing.
  [[nodiscard]] static context from_values(const value& identity, const value& entries);

  /// A context with only the named entries; names that are not there are left out.
  [[nodiscard]] context only(std::span<const std::string> keys) const;
  /// A copy with the entries of `data` and this one's identity.
  [[nodiscard]] context with_data(value_tree data) const;

  /// Empty until given or until a run starts.
  [[nodiscard]] const std::string& correlation_id() const noexcept;
  /// The id of the context this one was made from; empty at the root.
  [[nodiscard]] const std::string& causation_id() const noexcept;
  /// Names this context itself; empty until a child was asked for or a run starts.
  [[nodiscard]] const std::string& id() const noexcept;
  [[nodiscard]] context with_correlation_id(std::string correlation_id) const;
  [[nodiscard]] context with_id(std::string id) const;
  [[nodiscard]] context with_ids(std::string id, std::string correlation_id) const;
  /// A copy for a run: `correlation_id` unless it is empty, and the run's id in place of what is
  /// still missing then.
  [[nodiscard]] context for_run(const run_id& run, std::string correlation_id) const;
  /// True when there is nothing but ids to it: no causation, tags or metadata.
  [[nodiscard]] bool has_only_ids() const noexcept;

  /// A context of its own for follow-up work: the same correlation id, this one's id as causation
  /// id, own copies of data, tags and metadata. A context that has no id yet is caused by its
  /// correlation id.
  [[nodiscard]] context child() const;

  [[nodiscard]] value tag(std::string_view name) const;
  void set_tag(std::string_view name, value content);
  [[nodiscard]] value metadata(std::string_view name) const;
  void set_metadata(std::string_view name, value content);

  /// Entries and identity are equal.
  friend bool operator==(const context& left, const context& right);

private:
  struct identity {
    std::string id;
    std::string correlation_id;
    std::string causation_id;
    value_tree tags;
    value_tree metadata;
    spelled_id run{}; ///< stands in for an id and a correlation id that are empty

    [[nodiscard]] const std::string& own_id() const noexcept {
      return id.empty() ? run.text() : id;
    }
    [[nodiscard]] const std::string& correlation() const noexcept {
      return correlation_id.empty() ? run.text() : correlation_id;
    }
    friend bool operator==(const identity& left, const identity& right) {
      return left.own_id() == right.own_id() && left.correlation() == right.correlation()
             && left.causation_id == right.causation_id && left.tags == right.tags
             && left.metadata == right.metadata;
    }
  };
  [[nodiscard]] identity identity_copy() const;

  value_tree data_;
  std::shared_ptr<const identity> identity_;
};

} // namespace troupe
