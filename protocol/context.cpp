#include <troupe/protocol/context.hpp>
#include <troupe/protocol/ids.hpp>

#include <stdexcept>

namespace troupe {

// The entry is shared by every node that stands for it, so moving it inside the tree copies no key
// and a pointer to its value lives as long as any version that has it.
struct context_node {
  struct entry {
    std::string key;
    value item;
  };

  std::shared_ptr<const entry> held;
  std::shared_ptr<const context_node> left;
  std::shared_ptr<const context_node> right;
  std::size_t size;
};

namespace {

using tree = std::shared_ptr<const context_node>;
using entry = std::shared_ptr<const context_node::entry>;

// The only pair of whole numbers for which every operation keeps the balance (Hirai and Yamamoto
// 2011). The height stays below 2.5 log2 n, which bounds every recursion here.
constexpr std::size_t heavier = 3;
constexpr std::size_t single_rotation = 2;

std::size_t size_of(const tree& node) {
  return node ? node->size : 0;
}

std::size_t weight_of(const tree& node) {
  return size_of(node) + 1;
}

bool too_heavy(const tree& one, const tree& other) {
  return weight_of(one) > heavier * weight_of(other);
}

tree make_node(tree left, entry held, tree right) {
  const auto size = size_of(left) + 1 + size_of(right);
  return std::make_shared<const context_node>(
      context_node{std::move(held), std::move(left), std::move(right), size});
}

tree lean_left(const tree& left, const entry& held, const tree& right) {
  const auto& inner = right->left;
  if (weight_of(inner) < single_rotation * weight_of(right->right)) {
    return make_node(make_node(left, held, inner), right->held, right->right);
  }
  return make_node(make_node(left, held, inner->left), inner->held,
                   make_node(inner->right, right->held, right->right));
}

tree lean_right(const tree& left, const entry& held, const tree& right) {
  const auto& inner = left->right;
  if (weight_of(inner) < single_rotation * weight_of(left->left)) {
    return make_node(left->left, left->held, make_node(inner, held, right));
  }
  return make_node(make_node(left->left, left->held, inner->left), inner->held,
                   make_node(inner->right, held, right));
}

// Joins two trees that differ by at most one change in size.
tree balanced(const tree& left, const entry& held, const tree& right) {
  if (too_heavy(right, left)) return lean_left(left, held, right);
  if (too_heavy(left, right)) return lean_right(left, held, right);
  return make_node(left, held, right);
}

// Joins two trees of any sizes around an entry.
tree join(const tree& left, const entry& held, const tree& right) {
  if (too_heavy(right, left)) {
    return balanced(join(left, held, right->left), right->held, right->right);
  }
  if (too_heavy(left, right)) {
    return balanced(left->left, left->held, join(left->right, held, right));
  }
  return make_node(left, held, right);
}

tree insert(const tree& node, const entry& added) {
  if (!node) return make_node(nullptr, added, nullptr);
  const auto order = added->key.compare(node->held->key);
  if (order < 0) return balanced(insert(node->left, added), node->held, node->right);
  if (order > 0) return balanced(node->left, node->held, insert(node->right, added));
  return make_node(node->left, added, node->right);
}

const entry& first_of(const tree& node) {
  const auto* at = &node;
  while ((*at)->left) at = &(*at)->left;
  return (*at)->held;
}

tree without_first(const tree& node) {
  if (!node->left) return node->right;
  return balanced(without_first(node->left), node->held, node->right);
}

tree concatenate(const tree& left, const tree& right) {
  if (!left) return right;
  if (!right) return left;
  return balanced(left, first_of(right), without_first(right));
}

tree remove(const tree& node, std::string_view key) {
  const auto order = key.compare(node->held->key);
  if (order < 0) return balanced(remove(node->left, key), node->held, node->right);
  if (order > 0) return balanced(node->left, node->held, remove(node->right, key));
  return concatenate(node->left, node->right);
}

struct parts {
  tree below;
  entry found;
  tree above;
};

parts split(const tree& node, std::string_view key) {
  if (!node) return {};
  const auto order = key.compare(node->held->key);
  if (order == 0) return {node->left, node->held, node->right};
  if (order < 0) {
    auto inner = split(node->left, key);
    inner.above = join(inner.above, node->held, node->right);
    return inner;
  }
  auto inner = split(node->right, key);
  inner.below = join(node->left, node->held, inner.below);
  return inner;
}

template <class Visit>
void each_entry(const tree& node, const Visit& visit) {
  if (!node) return;
  each_entry(node->left, visit);
  visit(*node->held);
  each_entry(node->right, visit);
}

using changes = std::vector<value_tree::change>;

void add_change(const entry& before, const entry& after, changes& found) {
  if (before == after || (before && after && before->item == after->item)) return;
  found.push_back({before ? before->key : after->key, before ? &before->item : nullptr,
                   after ? &after->item : nullptr});
}

// Subtrees that both versions share are skipped by their address. Both sides are taken apart at the
// same keys, so a shared subtree comes up on both sides at once.
void add_changes(const tree& before, const tree& after, changes& found) {
  if (before == after) return;
  if (!before) {
    each_entry(after, [&](const auto& one) { found.push_back({one.key, nullptr, &one.item}); });
  } else if (!after) {
    each_entry(before, [&](const auto& one) { found.push_back({one.key, &one.item, nullptr}); });
  } else {
    const auto old = split(before, after->held->key);
    add_changes(old.below, after->left, found);
    add_change(old.found, after->held, found);
    add_changes(old.above, after->right, found);
  }
}

const std::string& no_text() {
  static const std::string empty;
  return empty;
}

value get_or_null(const value_tree& from, std::string_view name) {
  const auto* found = from.find(name);
  return found ? *found : value();
}

} // namespace

const value* value_tree::find(std::string_view key) const {
  const auto* node = root_.get();
  while (node != nullptr) {
    const auto order = key.compare(node->held->key);
    if (order == 0) return &node->held->item;
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return nullptr;
}

void value_tree::set(std::string_view key, value item) {
  root_ = insert(root_, std::make_shared<const context_node::entry>(
                            context_node::entry{std::string(key), std::move(item)}));
}

void value_tree::erase(std::string_view key) {
  if (find(key)) root_ = remove(root_, key);
}

std::size_t value_tree::size() const noexcept {
  return size_of(root_);
}

void value_tree::for_each(
    const std::function<void(const std::string&, const value&)>& visit) const {
  each_entry(root_, [&](const auto& one) { visit(one.key, one.item); });
}

std::vector<std::string> value_tree::keys() const {
  std::vector<std::string> all;
  all.reserve(size());
  each_entry(root_, [&](const auto& one) { all.push_back(one.key); });
  return all;
}

std::vector<value_tree::change> value_tree::diff(const value_tree& before,
                                                 const value_tree& after) {
  changes found;
  add_changes(before.root_, after.root_, found);
  return found;
}

bool operator==(const value_tree& left, const value_tree& right) {
  if (left.same_version(right)) return true;
  return left.size() == right.size() && value_tree::diff(left, right).empty();
}

context::context(std::string correlation_id, const value& data) {
  const auto plain = data.is_native() ? data.plain() : data;
  if (const auto* members = plain.if_map()) {
    for (const auto& [key, item] : *members) data_.set(key, item);
  } else if (!data.is_null()) {
    throw std::invalid_argument("the data of a context is a map, not "
                                + std::string(kind_name(data)));
  }
  if (correlation_id.empty()) return;
  auto mine = std::make_shared<identity>();
  mine->correlation_id = std::move(correlation_id);
  identity_ = std::move(mine);
}

value context::get(std::string_view key) const {
  return get_or_null(data_, key);
}

value context::to_value() const {
  value::map_type members;
  members.reserve(data_.size());
  data_.for_each([&](const auto& key, const auto& item) { members.emplace_back(key, item); });
  return value::map(std::move(members));
}

value context::identity_to_value() const {
  if (!identity_) return {};
  const auto map_of = [](const value_tree& tree) {
    value::map_type members;
    tree.for_each([&](const auto& key, const auto& item) { members.emplace_back(key, item); });
    return members.empty() ? value() : value::map(std::move(members));
  };
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? value() : value(text);
  };
  value::list_type parts{text_or_null(id()), text_or_null(correlation_id()),
                         text_or_null(identity_->causation_id), map_of(identity_->tags),
                         map_of(identity_->metadata)};
  while (!parts.empty() && parts.back().is_null()) parts.pop_back();
  return parts.empty() ? value() : value::list(std::move(parts));
}

context context::from_values(const value& identity, const value& entries) {
  context made("", entries.is_map() ? entries : value());
  if (!identity.is_list()) return made;
  const auto text_at = [&](std::size_t index) {
    const auto item = identity.at(index);
    return item.if_text() ? *item.if_text() : std::string();
  };
  const auto fill = [&](std::size_t index, value_tree& tree) {
    const auto item = identity.at(index);
    if (const auto* members = item.if_map()) {
      for (const auto& [key, content] : *members) tree.set(key, content);
    }
  };
  auto mine = std::make_shared<context::identity>();
  mine->id = text_at(0);
  mine->correlation_id = text_at(1);
  mine->causation_id = text_at(2);
  fill(3, mine->tags);
  fill(4, mine->metadata);
  made.identity_ = std::move(mine);
  return made;
}

context context::only(std::span<const std::string> keys) const {
  value_tree some;
  for (const auto& key : keys) {
    if (const auto* found = data_.find(key)) some.set(key, *found);
  }
  return with_data(std::move(some));
}

context context::with_data(value_tree data) const {
  auto copy = *this;
  copy.data_ = std::move(data);
  return copy;
}

const std::string& context::correlation_id() const noexcept {
  return identity_ ? identity_->correlation() : no_text();
}

const std::string& context::causation_id() const noexcept {
  return identity_ ? identity_->causation_id : no_text();
}

const std::string& context::id() const noexcept {
  return identity_ ? identity_->own_id() : no_text();
}

context context::with_correlation_id(std::string correlation_id) const {
  auto changed = identity_copy();
  changed.correlation_id = std::move(correlation_id);
  auto copy = *this;
  copy.identity_ = std::make_shared<const identity>(std::move(changed));
  return copy;
}

context context::with_id(std::string id) const {
  auto changed = identity_copy();
  changed.id = std::move(id);
  auto copy = *this;
  copy.identity_ = std::make_shared<const identity>(std::move(changed));
  return copy;
}

context context::with_ids(std::string id, std::string correlation_id) const {
  auto changed = identity_copy();
  changed.id = std::move(id);
  changed.correlation_id = std::move(correlation_id);
  auto copy = *this;
  copy.identity_ = std::make_shared<const identity>(std::move(changed));
  return copy;
}

context context::for_run(const run_id& run, std::string correlation_id) const {
  auto old = identity_copy();
  if (!correlation_id.empty()) old.correlation_id = std::move(correlation_id);
  auto copy = *this;
  copy.identity_ = std::make_shared<const identity>(
      identity{std::move(old.id), std::move(old.correlation_id), std::move(old.causation_id),
               std::move(old.tags), std::move(old.metadata), spelled_id(run)});
  return copy;
}

bool context::has_only_ids() const noexcept {
  return !identity_
         || (identity_->causation_id.empty() && identity_->tags.empty()
             && identity_->metadata.empty());
}

context context::child() const {
  auto changed = identity_copy();
  changed.causation_id = id().empty() ? correlation_id() : id();
  changed.id = run_id::make().to_string();
  auto copy = *this;
  copy.identity_ = std::make_shared<const identity>(std::move(changed));
  return copy;
}

value context::tag(std::string_view name) const {
  return identity_ ? get_or_null(identity_->tags, name) : value();
}

void context::set_tag(std::string_view name, value content) {
  auto changed = identity_copy();
  changed.tags.set(name, std::move(content));
  identity_ = std::make_shared<const identity>(std::move(changed));
}

value context::metadata(std::string_view name) const {
  return identity_ ? get_or_null(identity_->metadata, name) : value();
}

void context::set_metadata(std::string_view name, value content) {
  auto changed = identity_copy();
  changed.metadata.set(name, std::move(content));
  identity_ = std::make_shared<const identity>(std::move(changed));
}

bool operator==(const context& left, const context& right) {
  if (!(left.data_ == right.data_)) return false;
  return left.identity_ == right.identity_ || left.identity_copy() == right.identity_copy();
}

// With all its texts, so that any of them can be replaced, by an empty one too.
context::identity context::identity_copy() const {
  if (!identity_) return {};
  return {identity_->own_id(), identity_->correlation(), identity_->causation_id, identity_->tags,
          identity_->metadata};
}

} // namespace troupe
