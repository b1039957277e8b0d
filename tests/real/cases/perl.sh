# Perl: files, pipes, in-place editing.
# needs: perl
exec perl -we '
use strict; use File::Path qw(make_path remove_tree); use File::Copy; use File::Temp qw(tempfile); use File::Find; use Cwd; use Fcntl ":flock";
make_path("a/b/c"); open(my $f, ">", "a/file") or die; print $f "line $_\n" for 1..10; close $f;
copy("a/file", "a/b/copy"); move("a/b/copy", "a/b/c/moved"); symlink("b", "a/link"); link("a/file", "a/hard");
chmod 0640, "a/file"; utime 1, 2, "a/file"; print join(",", map { sprintf "%o", $_ & 07777 } (stat "a/file")[2]), "\n";
my @found; find(sub { push @found, $File::Find::name }, "a"); print join(" ", sort @found), "\n";
print qx(echo from a shell); open(my $p, "-|", "sort", "-r", "a/file") or die; print <$p>; close $p;
open(my $in, "|-", "tr a-z A-Z >upper") or die; print $in "down\n"; close $in;
{ local ($^I, @ARGV) = (".bak", "a/file"); while (<>) { s/line/row/; print } }
my ($t, $name) = tempfile(DIR => "."); flock($t, LOCK_EX) or die; print $t "x"; close $t; unlink $name;
opendir(my $d, "a") or die; print join(" ", sort readdir $d), "\n"; truncate("a/hard", 3);
my $pid = fork; if (!$pid) { chdir "a" or die; open(my $x, "<", "file") or die; print scalar <$x>; exit 6 } waitpid $pid, 0; print $? >> 8, "\n";
print "no: $!\n" unless open(my $n, "<", "missing"); print "no: $!\n" unless mkdir "a"; print "no: $!\n" unless rmdir "a"; print "no: $!\n" unless unlink "missing"; print "no: $!\n" unless rename "missing", "x"; print -d "a" ? "folder" : "none", -l "a/link" ? " link" : "", -x "a/file" ? " x" : "", "\n";
rename "a/b/c", "a/d" or die; remove_tree("a/b"); exit 12'
