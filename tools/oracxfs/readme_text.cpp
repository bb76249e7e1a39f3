#include "tools/oracxfs/readme_text.h"

namespace oracxfs {

std::string readme_text() {
    return R"(oracxfs
=======
Files you copy into this folder are kept at all configured providers, as plain files in plain folders.

  save        copy files here; the copy has ended when the files are stored and verified
  restore     copy files out of here, or take them from any provider with its own tools: no oracxfs is needed
  one copy    the folders named after the providers show what each of them really holds
  state       oracxfs status          of one file: oracxfs replicas FILE
  stop        oracxfs unmount

Removed and replaced files can be recovered at the providers for some days.


Les fichiers copies dans ce dossier sont conserves chez tous les fournisseurs configures, en fichiers ordinaires.

  enregistrer  copiez ici ; la copie est finie quand les fichiers sont enregistres et verifies partout
  restaurer    copiez depuis ici, ou directement depuis un fournisseur : oracxfs n'est pas necessaire
  un seul      les dossiers aux noms des fournisseurs montrent ce que chacun detient vraiment
  etat         oracxfs status          pour un fichier : oracxfs replicas FICHIER
  arreter      oracxfs unmount
)";
}

}  // namespace oracxfs
