# Two hundred processes at once, each of which opens, makes and removes files.
for i in $(seq 200); do
	(mkdir "d$i" && echo "$i" >"d$i/f" && cat "d$i/f" >"d$i/g" && mv "d$i/g" "d$i/h" && rm "d$i/f" && cat "d$i/h" >>"all$((i % 4))") &
done
wait
for file in all?; do sort -n -o "$file" "$file"; done; cat all? | sum
