# ssh-keygen and openssl.
# needs: ssh-keygen openssl
# plans: default home
# varying: key* *.pem signed* .rnd
# looks: connect
ssh-keygen -q -t ed25519 -N '' -f key -C c && ssh-keygen -lf key.pub | cut -d' ' -f1,3- && echo x >file && ssh-keygen -q -Y sign -n file -f key file 2>&1 | sed 's/.*Sign/Sign/' && ssh-keygen -y -f key | cut -d' ' -f1; ssh-keygen -yf missing; rm -f file.sig
openssl genpkey -algorithm ed25519 -out k.pem && openssl req -x509 -new -key k.pem -subj /CN=me -days 9 -out c.pem && openssl x509 -in c.pem -noout -subject && openssl verify -CAfile c.pem c.pem; echo x | openssl enc -aes-256-cbc -pbkdf2 -k p | openssl enc -d -aes-256-cbc -pbkdf2 -k p; openssl dgst -sha256 file; openssl rand -hex 4 | wc -c; openssl x509 -in missing 2>&1 | head -1
