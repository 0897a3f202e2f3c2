// Packed heads files that lie. Each is refused with an Error or scores something; none may crash,
// hang, leak or read what is not its own, which the sanitizers watch (preset sanitize).
//
// Whoever changes a file can make its checksums right again, so that is done here: the parser's own
// checks must hold without them. The kernels must bear any weights, so those are changed too.
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>

#include "check.hpp"
#include "error.hpp"
#include "heads/multi_head_mlp.hpp"
#include "heads/quantized_batch.hpp"
#include "heads_lies.hpp"
#include "sample_heads.hpp"

using namespace emonet;
using namespace emonet::test;

namespace {

constexpr std::size_t batch = 1;
constexpr std::size_t mean_bytes = 3 * 65 * sizeof(float);

/// Four heads of two layers, one in each precision; three positions of 65 values and their mean.
PackedHeadsBytes sound_file() {
    SampleHeads sample = sample_heads(2, 3, 65, true);
    std::erase_if(sample.heads, [](const PlainHead& head) { return head.layers.size() != 2; });
    return pack(sample);
}

/// How the file was refused; nothing where it was not.
struct Refusal {
    std::string kind;
    std::string message;
};

/// Opens and evaluates what the file says that it is.
std::optional<Refusal> refusal_of(const std::string& path, Storage storage, bool verify) {
    MultiHeadMlpOptions options;
    options.storage = storage;
    options.verify = verify;
    try {
        const MultiHeadMlp heads(path, {}, options);
        const std::size_t values = batch * heads.positions() * heads.width();
        std::vector<float> embeddings(values);
        for (std::size_t i = 0; i < values; ++i) embeddings[i] = static_cast<float>(i % 7) - 3.0f;
        std::vector<float> scores(batch * heads.names().size());
        heads.evaluate(embeddings.data(), batch, scores.data(), 1);
        return {};
    } catch (const Error& error) {
        return Refusal{error.kind, error.what()};
    } catch (const std::exception& error) {  // bad_alloc: a number was trusted
        return Refusal{"no Error of ours", error.what()};
    }
}

/// The damaged file on disk, and what has become of it so far.
class Victim {
  public:
    std::optional<Refusal> open(const PackedHeadsBytes& file, bool verify = true,
                                Storage storage = Storage::map) {
        disk_.write(file.bytes);
        return refusal_of(disk_.path(), storage, verify);
    }

    /// Refused in one of the two ways for files, or evaluated. Blocks are not verified, so that
    /// wrong weights reach the kernels. Every 16th file is copied too: huge pages cost time.
    void bear(const PackedHeadsBytes& file) {
        account_for(open(file, false));
        if (++n_files_ % 16 == 0) account_for(refusal_of(disk_.path(), Storage::copy, true));
    }

    std::size_t n_refused() const { return n_refused_; }
    std::size_t n_evaluated() const { return n_evaluated_; }

  private:
    void account_for(const std::optional<Refusal>& refusal) {
        ++(refusal ? n_refused_ : n_evaluated_);
        const bool expected = !refusal || refusal->kind == "PackedHeadsError" ||
                              refusal->kind == "FormatVersionError";
        CHECK(expected);
        if (!expected) std::printf("  %s: %s\n", refusal->kind.c_str(), refusal->message.c_str());
    }

    TemporaryFile disk_;
    std::size_t n_files_ = 0;
    std::size_t n_refused_ = 0;
    std::size_t n_evaluated_ = 0;
};

/// A lie is answered by the rule that it breaks, not by the next one that happens to notice.
void every_lie_is_refused_by_its_own_rule(Victim& victim) {
    auto lies = header_lies();
    for (const auto& more : {index_lies(), lies_in_the_data()})
        lies.insert(lies.end(), more.begin(), more.end());
    for (const Lie& told : lies) {
        PackedHeadsBytes file = sound_file();
        told.tell(file);
        if (told.sealed) file.seal();
        for (Storage storage : {Storage::map, Storage::copy}) {
            const auto refusal = victim.open(file, true, storage);
            const bool by_its_rule = refusal && refusal->kind == told.kind &&
                                     refusal->message.find(told.rule) != std::string::npos;
            CHECK(by_its_rule);
            if (!by_its_rule)
                std::printf("  no %s that says '%s', but: %s\n", told.kind, told.rule,
                            refusal ? refusal->message.c_str() : "evaluated");
        }
    }
}

void a_file_that_ends_too_early_is_refused(Victim& victim) {
    const PackedHeadsBytes sound = sound_file();
    std::vector<std::size_t> ends{0, 1, 8, 127, 128, sound.index_offset, sound.mean_offset};
    for (std::size_t head = 0; head < 4; ++head) {
        ends.push_back(sound.head_offsets[head]);
        ends.push_back(sound.entry(head));
    }
    ends.push_back(sound.bytes.size());
    for (std::size_t end : ends)
        for (std::size_t size : {end - 1, end, end + 1}) {
            if (size >= sound.bytes.size()) continue;  // also where end - 1 wraps
            PackedHeadsBytes file = sound;
            file.bytes.resize(size);
            const auto refusal = victim.open(file);
            CHECK(refusal && refusal->kind == "PackedHeadsError");
            // Where the header agrees, what is missing must be missed; behind the mean nothing is.
            if (size < 4096 || size >= sound.mean_offset + mean_bytes) continue;
            file.put(16, std::uint64_t{size});
            file.seal();
            const auto again = victim.open(file);
            CHECK(again && again->kind == "PackedHeadsError");
        }
}

void no_changed_byte_of_header_or_index_goes_unnoticed_or_does_harm(Victim& victim) {
    PackedHeadsBytes file = sound_file();
    std::vector<std::size_t> offsets(128 + 4 * 512);
    for (std::size_t i = 0; i < offsets.size(); ++i)
        offsets[i] = i < 128 ? i : file.index_offset + i - 128;
    for (std::size_t at : offsets) {
        const std::uint8_t was = file.bytes[at];
        for (int value : {0, 255, was ^ 1, was ^ 128}) {
            file.bytes[at] = static_cast<std::uint8_t>(value);
            if (file.bytes[at] == was) continue;
            CHECK(victim.open(file).has_value());
            file.seal();
            victim.bear(file);
            file.bytes[at] = was;
            file.seal();
        }
    }
}

/// Offset and size in bytes of every number in header and index.
std::vector<std::pair<std::size_t, int>> number_fields(const PackedHeadsBytes& file) {
    std::vector<std::pair<std::size_t, int>> fields{{16, 8}, {24, 4}, {28, 4}, {32, 4}, {36, 4},
                                                    {40, 8}, {48, 8}, {64, 8}, {72, 8}};
    for (std::size_t head = 0; head < 4; ++head) {
        const std::size_t entry = file.entry(head);
        fields.insert(fields.end(), {{entry + 96, 8}, {entry + 104, 8}, {entry + 116, 4}});
        for (std::size_t at = entry + 128; at < entry + 256; at += 4) fields.push_back({at, 4});
    }
    return fields;
}

std::vector<std::uint64_t> hostile_numbers(const PackedHeadsBytes& file) {
    std::vector<std::uint64_t> numbers{0, 1, 2, 3, 4, 20, 64, 65, 66, 512, 1 << 16};
    for (std::uint64_t edge : {std::uint64_t{4096}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                               std::uint64_t{1} << 63, std::uint64_t{file.bytes.size()}})
        for (std::uint64_t number : {edge - 1, edge, edge + 1, 0 - edge}) numbers.push_back(number);
    for (std::size_t offset : file.head_offsets) numbers.push_back(offset);
    numbers.insert(numbers.end(), {file.index_offset, file.mean_offset});
    return numbers;
}

void put_number(PackedHeadsBytes& file, std::pair<std::size_t, int> field, std::uint64_t number) {
    std::memcpy(file.bytes.data() + field.first, &number, static_cast<std::size_t>(field.second));
}

void no_hostile_number_does_harm(Victim& victim) {
    const PackedHeadsBytes sound = sound_file();
    PackedHeadsBytes file = sound;
    for (const auto& field : number_fields(sound))
        for (std::uint64_t number : hostile_numbers(sound)) {
            put_number(file, field, number);
            file.seal();
            victim.bear(file);
            file.bytes = sound.bytes;
        }
}

void no_hostile_numbers_together_do_harm(Victim& victim) {
    const PackedHeadsBytes sound = sound_file();
    const auto fields = number_fields(sound);
    const auto numbers = hostile_numbers(sound);
    std::mt19937 random(1);
    PackedHeadsBytes file = sound;
    for (int round = 0; round < 4000; ++round) {
        for (std::size_t n = 2 + random() % 3; n > 0; --n)
            put_number(file, fields[random() % fields.size()], numbers[random() % numbers.size()]);
        file.seal();
        victim.bear(file);
        file.bytes = sound.bytes;
    }
}

void no_random_bytes_do_harm(Victim& victim) {
    const PackedHeadsBytes sound = sound_file();
    std::mt19937 random(2);
    PackedHeadsBytes file = sound;
    for (int round = 0; round < 3000; ++round) {
        // A quarter of them in what is parsed, the rest anywhere: scales, weights, biases, mean.
        const bool parsed = round % 4 == 0;
        for (std::size_t n = 1 + random() % 64; n > 0; --n) {
            const std::size_t at =
                parsed ? sound.index_offset + random() % 2048 : random() % sound.bytes.size();
            file.bytes[at] = static_cast<std::uint8_t>(random());
        }
        std::memcpy(file.bytes.data(), sound.bytes.data(), 128);
        file.seal();
        victim.bear(file);
        file.bytes = sound.bytes;
    }
}

/// Nothing is written to blocks, so what overlaps does no harm.
void heads_may_share_a_block(Victim& victim) {
    PackedHeadsBytes file = sound_file();
    const std::size_t from = file.entry(0) + 96, to = file.entry(1) + 96;
    std::memcpy(file.bytes.data() + to, file.bytes.data() + from, 512 - 96);
    file.seal();
    CHECK(!victim.open(file));
}

void a_mean_that_is_not_finite_is_refused(Victim& victim) {
    for (float bad : {NAN, INFINITY, -INFINITY}) {
        PackedHeadsBytes file = sound_file();
        file.put(file.mean_offset + 4 * 64, bad);
        file.seal();
        const auto refusal = victim.open(file);
        CHECK(refusal &&
              refusal->message.find("mean embedding must be finite") != std::string::npos);
    }
}

/// Packing never makes an INT8 weight of -128, but a file may hold it: the one weight whose sum
/// over a wide embedding leaves 32 bits. It wraps around, on every ISA alike.
void the_least_weight_in_every_place_is_borne() {
    constexpr std::size_t width = 4096;
    const LayerShape shape{Precision::int8, 1, 1, width};
    const std::vector<float> ones(width, 1.0f);
    const float bias = 0;
    auto layer = pack_layer(shape, ones.data(), &bias, nullptr, nullptr, 1);
    std::memset(layer.data() + 8 * sizeof(float), 0x80, 8 * width);
    TemporaryFile disk;
    disk.write(pack_heads({{"joy", {{shape, layer}}}}, 1, {}).bytes);
    float score = 0;
    MultiHeadMlp(disk.path(), {}, {}).evaluate(ones.data(), 1, &score, 1);
    const float levels = activation_levels(width);
    const std::int64_t sum = -128 * static_cast<std::int64_t>(levels) * std::int64_t{width};
    const auto wrapped = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
    CHECK(sum != wrapped);
    CHECK(score == static_cast<float>(wrapped) * (1.0f / 127.0f) * (1.0f / levels));
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

int main() {
    Victim victim;
    CHECK(!victim.open(sound_file()));
    const std::size_t descriptors = open_descriptors();
    every_lie_is_refused_by_its_own_rule(victim);
    a_file_that_ends_too_early_is_refused(victim);
    no_changed_byte_of_header_or_index_goes_unnoticed_or_does_harm(victim);
    no_hostile_number_does_harm(victim);
    no_hostile_numbers_together_do_harm(victim);
    no_random_bytes_do_harm(victim);
    heads_may_share_a_block(victim);
    a_mean_that_is_not_finite_is_refused(victim);
    the_least_weight_in_every_place_is_borne();
    CHECK(open_descriptors() == descriptors);
    // Both ways must have been gone often, or the damage was of the wrong kind.
    CHECK(victim.n_refused() > 1000 && victim.n_evaluated() > 1000);
    std::printf("damaged_heads: %zu refused, %zu evaluated\n", victim.n_refused(),
                victim.n_evaluated());
    return report("damaged_heads");
}
