#include "app/table_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "template/message_template.h"

namespace tocsin {

std::size_t TerminalColumns() {
  struct winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string TableCell(std::string_view text, std::size_t width) {
  std::string cell = EscapeText(text, Escape::kHeader);
  if (width == 0) return cell;
  cell = CutText(cell, width);
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      cell, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  cell.append(width - characters, ' ');
  return cell;
}

}  // namespace tocsin
