# Makes the C++ file that carries the web admin's page.
#   cmake -DLIST=assets.txt -DFOLDER=tools/admin-ui -DOPENAPI=openapi.json -DOUT=admin_assets.cpp -DWORK=folder for compressed files -P embed_assets.cmake
file(STRINGS ${LIST} names REGEX "^[^#]")
list(APPEND names openapi.json)
list(SORT names)
file(MAKE_DIRECTORY ${WORK})

set(bytes "")
set(rows "")
set(all "")
set(number 0)
foreach(name ${names})
  string(STRIP "${name}" name)
  set(plain ${FOLDER}/${name})
  if(name STREQUAL "openapi.json")
    set(plain ${OPENAPI})
  endif()
  file(SHA256 ${plain} digest)
  string(APPEND all "${name} ${digest}\n")
  set(packed ${WORK}/${number}.gz)
  execute_process(COMMAND gzip -9nc ${plain} OUTPUT_FILE ${packed} COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${plain} plain_size)
  file(SIZE ${packed} packed_size)

  get_filename_component(extension ${name} LAST_EXT)
  if(extension STREQUAL ".html")
    set(type "text/html; charset=utf-8")
  elseif(extension STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  elseif(extension STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(extension STREQUAL ".json")
    set(type "application/json")
  elseif(extension STREQUAL ".svg")
    set(type "image/svg+xml")
  elseif(extension STREQUAL ".png")
    set(type "image/png")
  elseif(extension STREQUAL ".ico")
    set(type "image/x-icon")
  elseif(extension STREQUAL ".woff2")
    set(type "font/woff2")
  elseif(extension STREQUAL ".txt")
    set(type "text/plain; charset=utf-8")
  else()
    message(FATAL_ERROR "${LIST}: ${name} is of a kind that the web admin does not serve")
  endif()

  string(APPEND bytes "asm(\".pushsection .rodata\\n.balign 16\\nadmin_plain_${number}:\\n.incbin \\\"${plain}\\\"\\n.byte 0\\nadmin_gzip_${number}:\\n.incbin \\\"${packed}\\\"\\n.byte 0\\n.popsection\\n\");\nextern \"C\" const char admin_plain_${number}[], admin_gzip_${number}[];\n")
  if(packed_size LESS plain_size)
    set(gzip "{admin_gzip_${number}, ${packed_size}}")
  else()
    set(gzip "{}")
  endif()
  string(APPEND rows "        Asset{\"${name}\", \"${type}\", \"${digest}\", ${gzip}, {admin_plain_${number}, ${plain_size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(SHA256 all_digest "${all}")
string(SUBSTRING ${all_digest} 0 16 all_digest)

file(WRITE ${OUT}.new "// Made by cmake/embed_assets.cmake from tools/admin-ui.
#include <array>

#include \"tools/admin/assets.h\"

${bytes}
namespace oracxfs {

std::span<const Asset> assets() {
    static const std::array<Asset, ${number}> all{
${rows}    };
    return all;
}

std::string_view assets_digest() { return \"${all_digest}\"; }

}  // namespace oracxfs
")
file(RENAME ${OUT}.new ${OUT})
