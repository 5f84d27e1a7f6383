#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

/// Builds zip archives and pickles of torch.save by hand, right ones and wrong ones.
namespace mlrun::test::built {

inline std::string le(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// An entry of an archive; what differs from the truth is set by the test.
struct Entry {
  std::string name, content;  ///< `content` as it is stored
  std::uint64_t size = UINT64_MAX;
  std::uint64_t stored = UINT64_MAX;
  std::uint32_t crc = 0;
  std::uint16_t method = 0, flags = 0;
  std::string local_name;             ///< the local header's, where it differs
  std::uint64_t header = UINT64_MAX;  ///< the offset that the directory tells
};

inline std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

inline Entry entry(const std::string& name, const std::string& content) {
  Entry made;
  made.name = name;
  made.content = content;
  made.crc = crc_of(content);
  return made;
}

/// Deflates `content`; `size` is what the archive says of it.
inline Entry deflated(const std::string& name, const std::string& content) {
  std::string out(compressBound(content.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  Entry made;
  made.name = name;
  made.content = out;
  made.crc = crc_of(content);
  made.size = content.size();
  made.method = 8;
  return made;
}

inline std::string zip_of(const std::vector<Entry>& entries) {
  std::string archive, directory;
  for (const Entry& item : entries) {
    const std::uint64_t stored = item.stored == UINT64_MAX ? item.content.size() : item.stored;
    const std::uint64_t size = item.size == UINT64_MAX ? stored : item.size;
    const std::string common =
        le(item.flags, 2) + le(item.method, 2) + le(0, 4) + le(item.crc, 4) + le(stored, 4) + le(size, 4);
    const std::uint64_t header = item.header == UINT64_MAX ? archive.size() : item.header;
    const std::string& local = item.local_name.empty() ? item.name : item.local_name;
    archive += "PK\x03\x04" + le(20, 2) + common + le(local.size(), 2) + le(0, 2) + local + item.content;
    directory += "PK\x01\x02" + le(20, 2) + le(20, 2) + common + le(item.name.size(), 2) + le(0, 2) + le(0, 2) +
                 le(0, 2) + le(0, 2) + le(0, 4) + le(header, 4) + item.name;
  }
  const std::string count = le(entries.size(), 2);
  const std::uint64_t begin = archive.size();
  return archive + directory + "PK\x05\x06" + le(0, 4) + count + count + le(directory.size(), 4) + le(begin, 4) +
         le(0, 2);
}

/// Pieces of pickles.
inline std::string text(const std::string& value) { return "X" + le(value.size(), 4) + value; }
inline std::string number(std::int64_t value) { return "\x8a\x08" + le(static_cast<std::uint64_t>(value), 8); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string code = "(";
  for (const std::int64_t value : values) code += number(value);
  return code + "t";
}

struct Described {
  std::string key = "0";
  std::int64_t length = 4;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{2, 2}, strides{2, 1};
  std::string storage = global("torch", "FloatStorage");
  std::string location = "cpu";
};

/// The storage of a tensor, and the tensor.
inline std::string storage_code(const Described& of) {
  return "(" + text("storage") + of.storage + text(of.key) + text(of.location) + number(of.length) + "tQ";
}
inline std::string tensor_code(const Described& of) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage_code(of) + number(of.offset) + tuple(of.shape) +
         tuple(of.strides) + "\x89" + global("collections", "OrderedDict") + ")RtR";
}

inline std::string pickle_of(const std::string& code) { return "\x80\x02" + code + "."; }
/// A dictionary with these keys' and values' code.
inline std::string dict_of(const std::string& items) { return "}(" + items + "u"; }

/// A file of torch.save with this value, and 16 bytes as storage 0.
inline std::string pth_of(const std::string& code) {
  return zip_of(
      {entry("w/data.pkl", pickle_of(code)), entry("w/data/0", std::string(16, '\0')), entry("w/version", "3\n")});
}

}  // namespace mlrun::test::built
