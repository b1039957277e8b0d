# GnuPG with a home of its own: a key, its agent, signing, encrypting.
# needs: gpg gpg-connect-agent
# plans: default
# varying: keys/* message.*
# looks: connect listen
export GNUPGHOME=$PWD/keys; mkdir -m 700 keys; echo text >message
gpg -q --batch --passphrase '' --quick-gen-key 'Me <me@example.org>' ed25519 sign,cert never 2>/dev/null; echo $?; gpg -q --list-keys --with-colons | grep -c ^pub
gpg -q --batch --armor --detach-sign -o message.sig message && gpg --verify message.sig message 2>&1 | grep -o 'Good signature.*'; gpg -q --batch --passphrase pass --symmetric -o message.gpg --pinentry-mode loopback message && gpg -q --batch --passphrase pass --pinentry-mode loopback -d message.gpg; gpg --verify missing; gpgconf --kill all; rm -rf keys/*.d keys/S.* keys/*~ keys/*.lock keys/random_seed
