# ffmpeg: a second of picture and tone.
# needs: ffmpeg ffprobe
# plans: default
ffmpeg -v error -f lavfi -i testsrc=size=64x48:rate=10 -f lavfi -i sine -t 1 -c:v mpeg4 -threads 2 -fflags +bitexact -y out.mkv; echo $?; ffprobe -v error -show_entries stream=codec_name,width out.mkv; ffmpeg -v error -i missing out2.mkv; rm -f out.mkv
