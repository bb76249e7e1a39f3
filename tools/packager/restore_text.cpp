#include "tools/packager/restore_text.h"

namespace oracxfs {

// Lines end in CR LF, so that every editor of every system shows them.
std::string restore_text() {
    constexpr std::string_view kText = R"(HOW TO RESTORE THIS BACKUP
==========================

This is an ordinary ZIP file. No special program is needed.

1. Everything
   Linux, macOS:  unzip oracxpred_backup_YYYYMMDD_HHMMSS.zip -d restored
   Windows:       right click, "Extract all", or 7-Zip
   With oracxfs:  oracxfs backups restore latest --to restored --verify

2. A single file
   unzip -l FILE.zip                lists what is inside
   unzip FILE.zip "data/app.db"     takes out one file

3. If a passphrase is asked for
   The package is encrypted with AES-256. Use 7-Zip (www.7-zip.org, also
   "7z x FILE.zip" on Linux) or oracxfs; plain "unzip" cannot open it.
   Without the passphrase nobody can restore these files.

4. Checking
   manifest.json, the last member, lists every file with its size, its time
   of modification and its SHA-256, and what could not be packed.
   Compare with:  sha256sum FILE

5. Databases
   A SQLite database (*.db, *.sqlite) is a consistent copy of the moment when
   the backup was made. Stop the program that uses it, put the file in its
   place, remove the old "-wal" and "-shm" files beside it, start the program.


COMMENT RESTAURER CETTE SAUVEGARDE
==================================

Ceci est un fichier ZIP ordinaire. Aucun programme particulier n'est
necessaire.

1. Tout restaurer
   Linux, macOS :  unzip oracxpred_backup_AAAAMMJJ_HHMMSS.zip -d restaure
   Windows :       clic droit, "Extraire tout", ou 7-Zip
   Avec oracxfs :  oracxfs backups restore latest --to restaure --verify

2. Un seul fichier
   unzip -l FICHIER.zip                 affiche le contenu
   unzip FICHIER.zip "data/app.db"      extrait un fichier

3. Si un mot de passe est demande
   Le fichier est chiffre avec AES-256. Utilisez 7-Zip (www.7-zip.org, ou
   "7z x FICHIER.zip" sous Linux) ou oracxfs ; "unzip" ne peut pas l'ouvrir.
   Sans le mot de passe, personne ne peut restaurer ces fichiers.

4. Verifier
   manifest.json, le dernier element, donne pour chaque fichier sa taille, sa
   date de modification et son SHA-256, ainsi que ce qui n'a pas pu etre
   sauvegarde. Comparez avec :  sha256sum FICHIER

5. Bases de donnees
   Une base SQLite (*.db, *.sqlite) est une copie coherente de l'instant de la
   sauvegarde. Arretez le programme qui l'utilise, remettez le fichier en
   place, supprimez les anciens fichiers "-wal" et "-shm" a cote, redemarrez.
)";
    std::string text;
    for (const char c : kText) {
        if (c == '\n') text += '\r';
        text += c;
    }
    return text;
}

}  // namespace oracxfs
