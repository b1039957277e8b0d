# ImageMagick: made, turned, looked at.
# needs: convert
# plans: default
convert -size 64x48 gradient:red-blue a.ppm && convert a.ppm -rotate 90 -resize 50% b.png && convert a.ppm b.png -format '%m %wx%h %#\n' info:; convert missing.png x.png 2>&1 | head -1 | sed 's/ @.*//;s/convert[^:]*:/convert:/'; echo $?
rm -f b.png
